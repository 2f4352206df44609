//! Writing a model file anew with weights of another precision, as the inference engine does it.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use llama_cpp_sys_2::{llama_backend_init, llama_model_quantize, llama_model_quantize_default_params};

/// Reads the model file `from` and writes it to `to` with weights of another type: `file_type` is the number that stands in the
/// header of such a file as `general.file_type`. Blocks until it is done; a file that the engine cannot bear may end the whole
/// process.
///
/// # Errors
/// `InvalidInput` for a path that cannot be a file's, `Other` where the engine refuses; it says why on the standard error.
pub fn quantise(from: &Path, to: &Path, file_type: u32, threads: u32) -> io::Result<()> {
    let from = CString::new(from.as_os_str().as_bytes())?;
    let to = CString::new(to.as_os_str().as_bytes())?;
    // SAFETY: both take no arguments, may be called at any time, and may be called again.
    // Reason: the safe binding of the engine has no way to write a model file.
    #[expect(unsafe_code, reason = "the engine's safe binding does not quantise")]
    let mut parameters = unsafe {
        llama_backend_init();
        llama_model_quantize_default_params()
    };
    parameters.ftype = file_type;
    parameters.nthread = i32::try_from(threads.max(1)).unwrap_or(i32::MAX);
    // What is installed has been quantised once as a rule; that doing it again costs quality is what is measured afterwards.
    parameters.allow_requantize = true;
    // SAFETY: the paths are C strings and the parameters a whole structure, all of which outlive the call; the engine keeps none.
    // Its null pointers are the defaults and mean that there is nothing. Reason: as above.
    #[expect(unsafe_code, reason = "the engine's safe binding does not quantise")]
    let refused = unsafe { llama_model_quantize(from.as_ptr(), to.as_ptr(), &raw const parameters) };
    if refused == 0 { Ok(()) } else { Err(io::Error::other("the inference engine cannot write this model anew")) }
}
