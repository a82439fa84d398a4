/// Whether work that is to come finds room: asked before it begins, without writing anything (--dry-run).
#pragma once

#include <cstdint>
#include <filesystem>

namespace ctclip {

/// @param folder  need not exist.
/// @throws Error kCannotCreate, with both figures, where its file system has less free; kIoError.
void require_free_space(std::filesystem::path const& folder, double needed_bytes);

/// What this host could still give to processes without swapping (MemAvailable; limits of control groups left
/// out). 0 where the system does not say.
std::uint64_t available_memory_bytes();

}  // namespace ctclip
