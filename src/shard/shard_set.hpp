/// A folder of shards as a whole: what its manifest.json promises against what is there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace ctclip {

inline constexpr char const* kManifestName = "manifest.json";  ///< a converter's, ours or Python's
inline constexpr char const* kPlanName = "plan.json";          ///< our converter's

/// Compares the number of shards and samples with manifest.json, if the folder has one of a converter (ours
/// or Python's; other scripts' manifests count differently and are not used).
/// @throws Error kBadInput if they differ, or if the manifest is damaged.
void require_manifest_agrees(std::filesystem::path const& folder, std::size_t num_shards,
                             std::size_t num_samples);

/// Why the shards of a folder may not be all that belong there, from the plan.json and manifest.json of a converter;
/// empty where nothing speaks against it.
std::string find_missing_shards(std::filesystem::path const& folder, std::size_t num_shards);

}  // namespace ctclip
