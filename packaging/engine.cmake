# What of llama.cpp is built, where its binding's features do not reach. Cargo hands this file to CMake
# (.cargo/config.toml), which includes it in each project() call.
#
# - The binding asks for `common`, the helpers of llama.cpp's own command line, even where its feature of that name
#   is off: a third of the engine's compile time, of which nothing is used.
# - What computes is ggml, and keeps the full level of optimisation. Around it (reading a model file, tokenising,
#   laying out a graph) a lower one is as fast to use and much faster to build.
# - With GGML_NATIVE_FOR, which ./x sets, what computes is compiled for the processor of this machine, and for no other: the
#   binding does that only where all Rust code is compiled so too. The binding watches variables that begin with GGML_.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR AND EXISTS "${CMAKE_SOURCE_DIR}/src/llama-model.cpp")
    set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)
    if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.19)
        cmake_language(DEFER CALL target_compile_options llama PRIVATE -O1)
        if(NOT "$ENV{GGML_NATIVE_FOR}" STREQUAL "")
            cmake_language(DEFER CALL target_compile_options ggml-cpu PRIVATE -march=native)
        endif()
    endif()
endif()
