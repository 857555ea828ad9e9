//! System tests: the worker as a process beside real engines. One stack for the binary; the tests run one after the other.

mod authority;
mod canary;
mod days;
mod garbage;
mod installed;
mod interop;
mod interop_tenant;
mod licences;
mod license_workflows;
mod life;
mod outages;
mod refusals;
mod rig;
mod succession;
mod troubles;
mod turnaround;
