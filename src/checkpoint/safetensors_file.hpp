/// The safetensors format (https://github.com/huggingface/safetensors): 8-byte header length, JSON header,
/// data. Read strictly: every byte of the data area belongs to exactly one tensor.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/array.hpp"
#include "base/durable_file.hpp"

namespace ctclip {

using StringMap = std::map<std::string, std::string>;

/// All tensors, each copied into its own Array (row-major, little-endian, as in the file).
/// Accepts F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL. Memory: the file's size plus its header.
/// @throws Error kBadInput naming the file, the tensor and the broken rule; kIoError, kNoPermission.
NamedArrays read_safetensors(std::filesystem::path const& path);

/// The header's `__metadata__` (empty if there is none). Same checks and errors as read_safetensors.
StringMap read_safetensors_metadata(std::filesystem::path const& path);

/// Tensors in the order of the Python writer (wide types first, then by name; data aligned to 8 bytes),
/// committed by DurableFile. Returns the SHA-256 (hex) of the file.
/// @throws Error kBadInput on no tensor at all, an impossible name, or bytes that do not fit dtype and shape;
/// kCannotCreate, kIoError, kNoPermission.
std::string write_safetensors(std::filesystem::path const& path, NamedArrays const& arrays,
                              StringMap const& metadata = {}, IfExists if_exists = IfExists::kRefuse);

}  // namespace ctclip
