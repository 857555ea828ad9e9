//! The appliance's side of a licence: redeem, apply, check-in.
