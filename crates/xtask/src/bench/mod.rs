//! Measurements: run a suite, keep its result with the machine it ran on, fill the promised tables from the results.

mod machine;
mod page;
mod result;
mod suite;

pub use page::{PAGE, fill, fill_from};
pub use result::{RESULTS_FOLDER, SuiteResult, judge, read_results};
pub use suite::{Figure, Output, Row, Suite, Target, read_suites, run};
