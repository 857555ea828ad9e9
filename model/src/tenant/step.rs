//! The steps of a creation, in order, with the progress that callers show.

use super::product::words;

words! {
    /// `step` of the query `getState`: a closed list that callers know (tenant-provisioning contract, section 3.2).
    Step {
        /// The input is validated; nothing is written.
        Initializing = "initializing",
        /// The checkout is read from Stripe.
        FetchingStripeDetails = "fetching_stripe_details",
        /// The tenant and its client are written.
        CreatingTenant = "creating_tenant",
        /// Roles, permissions and the other rows of a new tenant.
        RunningOnboardingSeeds = "running_onboarding_seeds",
        /// The first administrator.
        CreatingAdminUser = "creating_admin_user",
        /// Settings of the tenant.
        SettingUpData = "setting_up_data",
        /// The vendor's own record of its customer.
        CreatingCustomerTracking = "creating_customer_tracking",
        /// The credential and the welcome mail.
        SendingWelcomeEmail = "sending_welcome_email",
        /// Done.
        Completed = "completed",
        /// Ended without a usable tenant, or handed over.
        Failed = "failed",
    }
}

/// What follows when a step failed for good or ran out of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing was written: the run fails.
    Fail,
    /// Something was written: the run waits for somebody's decision.
    Repair,
    /// The tenant is usable without it: the part is left out and listed.
    Skip,
}

impl Step {
    /// The steps that do something, in order.
    pub const WORK: [Self; 7] = [
        Self::FetchingStripeDetails,
        Self::CreatingTenant,
        Self::RunningOnboardingSeeds,
        Self::CreatingAdminUser,
        Self::SettingUpData,
        Self::CreatingCustomerTracking,
        Self::SendingWelcomeEmail,
    ];

    /// Progress in percent when the step begins, and when it is done. A failed run keeps what it had.
    pub const fn progress(self) -> (u32, u32) {
        match self {
            Self::Initializing | Self::Failed => (0, 0),
            Self::FetchingStripeDetails => (5, 5),
            Self::CreatingTenant => (10, 40),
            Self::RunningOnboardingSeeds => (40, 50),
            Self::CreatingAdminUser => (60, 70),
            Self::SettingUpData => (80, 85),
            Self::CreatingCustomerTracking => (85, 90),
            Self::SendingWelcomeEmail => (95, 95),
            Self::Completed => (100, 100),
        }
    }

    /// What follows when the step fails (contract, section 3.3).
    pub const fn on_failure(self) -> OnFailure {
        match self {
            Self::Initializing
            | Self::FetchingStripeDetails
            | Self::CreatingTenant
            | Self::Completed
            | Self::Failed => OnFailure::Fail,
            Self::RunningOnboardingSeeds | Self::CreatingAdminUser | Self::SettingUpData => OnFailure::Repair,
            Self::CreatingCustomerTracking | Self::SendingWelcomeEmail => OnFailure::Skip,
        }
    }

    /// The words of the step for people: what the run is doing.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Initializing => "checking the input",
            Self::FetchingStripeDetails => "reading the checkout from Stripe",
            Self::CreatingTenant => "creating the tenant and its client",
            Self::RunningOnboardingSeeds => "writing roles, permissions and the first rows",
            Self::CreatingAdminUser => "creating the administrator",
            Self::SettingUpData => "writing the tenant's settings",
            Self::CreatingCustomerTracking => "recording the customer in the management tenant",
            Self::SendingWelcomeEmail => "sending the welcome mail",
            Self::Completed => "the tenant is ready",
            Self::Failed => "the creation has failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_decreases_along_the_steps() {
        let mut last = 0;
        for step in Step::WORK {
            let (before, after) = step.progress();
            assert!(last <= before && before <= after, "{step}");
            last = after;
        }
        assert!(last < Step::Completed.progress().1);
    }

    #[test]
    fn every_word_of_the_contract_is_there() {
        let words: Vec<&str> = Step::ALL.iter().map(|step| step.as_str()).collect();
        assert_eq!(
            words.join(" "),
            "initializing fetching_stripe_details creating_tenant running_onboarding_seeds creating_admin_user \
             setting_up_data creating_customer_tracking sending_welcome_email completed failed"
        );
    }
}
