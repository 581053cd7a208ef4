//! Drivers that a program brings of its own, by the names that scenarios call them.
//!
//! What does not live here: how a function becomes a driver, which is `function`'s.

use super::function::Function;
use crate::driver::{Driver, OpenError};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokgate_core::case::{Case, DriverKind};
use tokgate_core::diagnostic::nearest;

type Open = dyn Fn(&Case) -> Result<Arc<dyn Driver>, OpenError> + Send + Sync;

/// The drivers of a program, by name; none in tokgate's own.
#[derive(Clone, Default)]
pub struct Drivers(BTreeMap<String, Arc<Open>>);

impl Drivers {
    /// The same with a driver called `name`, in place of an earlier one of that name. `open` is asked
    /// for it once for each case that names it; what is dear to make is its own to keep between them.
    #[must_use]
    pub fn with<D: Driver + 'static>(
        mut self,
        name: &str,
        open: impl Fn(&Case) -> Result<D, OpenError> + Send + Sync + 'static,
    ) -> Self {
        let open = move |case: &Case| Ok(Arc::new(open(case)?) as Arc<dyn Driver>);
        self.0.insert(name.to_owned(), Arc::new(open));
        self
    }

    /// The same with a function called `name`: a request is one call with its prompt, from the
    /// first to the last moment of the call, and what it gives is the answer. An error or a panic is a
    /// failed request.
    #[must_use]
    pub fn with_function<E: fmt::Display + 'static>(
        self,
        name: &str,
        function: impl Fn(&str) -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        let called = name.to_owned();
        let call = Arc::new(move |prompt: &str| function(prompt).map_err(|why| why.to_string()));
        self.with(name, move |case| Function::open(&called, case, call.clone()))
    }

    /// Whether the driver of a case is here; every one that tokgate has itself is.
    ///
    /// # Errors
    /// When it is called something that nobody brings; the message says what there is.
    pub fn check(&self, case: &Case) -> Result<(), OpenError> {
        match case.target.driver {
            DriverKind::Custom => self.find(case).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Opens the driver that a case names.
    pub(super) fn open(&self, case: &Case) -> Result<Arc<dyn Driver>, OpenError> {
        self.find(case)?(case)
    }

    fn find(&self, case: &Case) -> Result<&Open, OpenError> {
        let name = case.target.custom.as_deref().unwrap_or_default();
        self.0.get(name).map(|open| &**open).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> OpenError {
        let names = || self.0.keys().map(String::as_str);
        OpenError::Invalid(match (nearest(name, names()), self.0.is_empty()) {
            (Some(near), _) => {
                format!("this program brings no driver `{name}`; did you mean `{near}`?")
            }
            (None, false) => {
                let all: Vec<&str> = names().collect();
                format!("this program brings no driver `{name}`; there are: {}", all.join(", "))
            }
            (None, true) => format!(
                "driver `{name}` is not in this program: it is brought by the bench target of the \
                 crate that has it; run `cargo bench --bench scenarios` there"
            ),
        })
    }
}

impl fmt::Debug for Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(custom: &str) -> Case {
        let mut case = crate::test_case();
        case.target.driver = DriverKind::Custom;
        case.target.custom = Some(custom.to_owned());
        case
    }

    fn drivers() -> Drivers {
        let say = |prompt: &str| Ok::<_, String>(prompt.to_owned());
        Drivers::default().with_function("echo", say).with_function("shout", say)
    }

    #[test]
    fn a_driver_is_found_by_its_name_and_asked_who_it_is() {
        let driver = drivers().open(&case("echo")).unwrap();
        assert_eq!(driver.identity().platform, "custom");
        assert_eq!(driver.identity().engine, "echo");
    }

    #[test]
    fn one_that_nobody_brings_is_refused_with_those_there_are() {
        let told = |drivers: &Drivers, name| drivers.check(&case(name)).unwrap_err().to_string();
        assert!(told(&drivers(), "ecko").contains("did you mean `echo`"));
        assert!(told(&drivers(), "another").contains("there are: echo, shout"));
        assert!(told(&Drivers::default(), "echo").contains("cargo bench"));
    }

    #[test]
    fn tokgates_own_drivers_need_nobody_to_bring_them() {
        assert!(Drivers::default().check(&crate::test_case()).is_ok());
    }
}
