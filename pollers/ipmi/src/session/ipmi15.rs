//! Logins of IPMI 1.5 (clauses 22.16 and 22.17), for BMCs that know nothing newer, where they are allowed by name.

use std::time::Instant;

use super::{
    Session, SessionError, State, Workaround,
    active::{Active, Security},
    login::Asking,
};
use crate::{
    command::{
        Response,
        activate_session::{self, Activated, Refusal},
        completion, get_session_challenge as challenge,
    },
    crypto::{Ipmi15Authentication, Ipmi15Key},
};

/// Activate Session stays without an answer so often, each time after a challenge of its own, before that is taken for a
/// wrong password: at a loss of a fifth each way, one login in sixty would come to this.
const SILENT_ACTIVATIONS: u32 = 4;

impl Session {
    /// Begins a login: always with a new challenge.
    pub(super) fn ask_challenge(&mut self, now: Instant, kind: Ipmi15Authentication) {
        let request = challenge::request(kind, &self.options.user);
        self.send_login_command(now, request, Asking::Challenge(kind));
    }

    pub(super) fn take_challenge(&mut self, now: Instant, kind: Ipmi15Authentication, response: &Response) {
        let given = match response.completion {
            challenge::INVALID_USER | challenge::NULL_USER_DISABLED => Err(SessionError::UnknownUser),
            _ => response.good(challenge::NAME).and_then(challenge::decode).map_err(SessionError::Login15),
        };
        let key = Ipmi15Key::new(kind, &self.options.password);
        let (given, key) = match (given, key) {
            (Ok(given), Some(key)) => (given, key),
            (Err(error), _) => return self.fail_login(error),
            (Ok(_), None) => {
                return self.fail_login(SessionError::BadLogin("the password is too long for IPMI 1.5"));
            }
        };
        let State::Login(login) = &self.state else { return };
        let role = login.role;
        // What the BMC's numbers begin with is any number but 0; kept low, so that they do not wrap.
        let first_answer = u32::from_le_bytes(self.random_array()) >> 8 | 1;
        let request = activate_session::request(kind, role, &given.string, first_answer);
        let session_id = given.temporary_session_id;
        self.send_login_command(now, request, Asking::Activation { key, session_id });
    }

    pub(super) fn take_activation(&mut self, now: Instant, key: &Ipmi15Key, response: &Response) {
        if response.completion != completion::OK {
            match activate_session::refusal(response.completion) {
                Refusal::NoSlot => {
                    let error = self.no_slot(now);
                    self.fail_login(error);
                }
                Refusal::Privilege => self.refuse_role(),
                // Begin again when the timer says so, no faster.
                Refusal::Forgotten => {}
                Refusal::Other(code) => {
                    let fault = completion::fault(activate_session::NAME, code);
                    self.fail_login(SessionError::Login15(fault));
                }
            }
            return;
        }
        let activated = match activate_session::decode(&response.data) {
            Ok(activated) => activated,
            Err(fault) => return self.fail_login(SessionError::Login15(fault)),
        };
        let Activated { authentication: Some(authentication), session_id, first_sequence } = activated else {
            return self.fail_login(SessionError::BadLogin(
                "the session goes on with an authentication that was not asked for",
            ));
        };
        // Either as it was asked for, or not at all where the BMC wants its messages bare.
        let kept = key.authentication();
        let authentication = match authentication {
            Ipmi15Authentication::None if self.options.works_around(Workaround::ForcePerMsg) => kept,
            Ipmi15Authentication::None => Ipmi15Authentication::None,
            other if other == kept => other,
            _ => {
                return self.fail_login(SessionError::BadLogin(
                    "the session goes on with an authentication that was not asked for",
                ));
            }
        };
        let State::Login(login) = &self.state else { return };
        let swapped = self.options.works_around(Workaround::EndianSeq);
        let first = if swapped { first_sequence.swap_bytes() } else { first_sequence };
        let security = Security::Ipmi15 { key: key.with(authentication), swapped };
        let active = Active::new((session_id, session_id), security, login.role, now).starting_at(first);
        self.profile.ipmi_15 = Some(kept);
        self.opened(active);
        self.login_done(now);
    }

    pub(super) fn activation_unanswered(&mut self, now: Instant, kind: Ipmi15Authentication) {
        let State::Login(login) = &mut self.state else { return };
        login.silent_activations = login.silent_activations.saturating_add(1);
        self.slots.orphaned(now, &self.options.timing);
        if login.silent_activations >= SILENT_ACTIVATIONS {
            self.fail_login(SessionError::SilentActivation);
        } else {
            self.ask_challenge(now, kind);
        }
    }
}
