/// The samples that a configuration means, wherever they are stored.
#pragma once

#include <memory>
#include <string>

#include "loader/sample_source.hpp"
#include "loader/volume_source.hpp"

namespace ctclip {

/// One of two: shards, or volumes with the CSVs that describe them.
struct DatasetOptions {
    std::string shards;   ///< for resolve_shards
    VolumeFolder folder;  ///< volumes empty: not given
    VolumeReading reading;

    bool is_given() const { return !shards.empty() || !folder.volumes.empty(); }
    /// For Schema::rule of the key of the volumes: both are given, or CSVs are missing. "": all is well.
    std::string find_problem() const;
    /// For people: the shards as they were specified, or the folder.
    std::string place() const { return shards.empty() ? folder.volumes.string() : shards; }
};

/// Opens it, and logs what a user should know of it: shards without an index, volumes without rows in the
/// CSVs.
/// @throws Error as ShardSource and VolumeSource.
std::shared_ptr<SampleSource const> open_dataset(DatasetOptions const& options);

}  // namespace ctclip
