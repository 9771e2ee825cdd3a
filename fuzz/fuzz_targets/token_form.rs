//! libFuzzer's way into `keyledger_tests::fuzz`: token_form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyledger_tests::fuzz::run("token_form", bytes));
