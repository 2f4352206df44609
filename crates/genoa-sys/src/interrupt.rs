//! A computation of the inference engine that can be ended before its time.

use std::ffi::c_void;
use std::mem::{align_of, size_of};
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_sys_2::llama_context_params;

/// What the engine says of a computation that was ended.
pub const ENDED: i32 = 2;

/// Lets what is computed in a context with these parameters end soon after `is_to_end` holds: it is looked at before each operation of
/// the model. Decoding then fails with [`ENDED`], and the sequences hold what they held before.
#[must_use]
pub fn that_can_end(mut parameters: LlamaContextParams, is_to_end: &'static AtomicBool) -> LlamaContextParams {
    const {
        assert!(size_of::<LlamaContextParams>() == size_of::<llama_context_params>());
        assert!(align_of::<LlamaContextParams>() == align_of::<llama_context_params>());
    }
    // SAFETY: the binding's structure has one field, the engine's structure, and is not larger (see above): so it lies at its beginning.
    // The reference is the only one to `parameters` while it is there.
    // Reason: the safe binding has no way to set this callback, neither here nor on a context.
    #[expect(unsafe_code, reason = "the engine's safe binding does not let a computation end")]
    let raw = unsafe { &mut *(&raw mut parameters).cast::<llama_context_params>() };
    raw.abort_callback = Some(is_to_end_now);
    raw.abort_callback_data = std::ptr::from_ref(is_to_end).cast_mut().cast();
    parameters
}

/// Called by the engine.
#[expect(unsafe_code, reason = "the engine calls functions of C")]
unsafe extern "C" fn is_to_end_now(data: *mut c_void) -> bool {
    // SAFETY: the engine hands back what it was given above: a reference that is good for ever, to what may be read from any thread.
    // Reason: as above.
    #[expect(unsafe_code, reason = "the engine hands a pointer back")]
    let is_to_end = unsafe { &*data.cast_const().cast::<AtomicBool>() };
    is_to_end.load(Ordering::Relaxed)
}
