/// The folder that a job writes into, before its work begins: hours later is too late for a missing permission.
#pragma once

#include <filesystem>

namespace ctclip {

/// The folder itself, or the nearest above it that exists.
std::filesystem::path nearest_existing(std::filesystem::path folder);

/// Creates the folder, and those above it, where there is none.
/// @throws Error kCannotCreate, also where a file of that name is; kNoPermission.
void create_folder(std::filesystem::path const& folder);

/// For a dry run: whether create_folder would succeed and files could be created in the folder. Changes nothing.
/// @throws Error as create_folder.
void require_creatable(std::filesystem::path const& folder);

}  // namespace ctclip
