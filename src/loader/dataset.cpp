#include "loader/dataset.hpp"

#include "base/log.hpp"
#include "loader/shard_list.hpp"
#include "loader/shard_source.hpp"

namespace ctclip {
namespace {

std::shared_ptr<SampleSource const> open_shards(std::string const& specification) {
    auto source = std::make_shared<ShardSource const>(resolve_shards(specification));
    if (source->num_shards_without_checksums() > 0) {
        log_info(
            "{} shards of {} have no index beside them: they are walked at every start, and their bytes are "
            "read "
            "without a checksum. `ctclip-shard index FOLDER` makes one, once; do it before a run starts, "
            "because "
            "its checksums become part of what the run knows its data by",
            source->num_shards_without_checksums(), specification);
    }
    return source;
}

std::shared_ptr<SampleSource const> open_volumes(VolumeFolder const& folder, VolumeReading const& reading) {
    auto source = std::make_shared<VolumeSource const>(folder, reading);
    if (source->num_volumes_without_rows() > 0) {
        log_warning("{}: {} volumes have no rows in the CSVs and are left out", folder.volumes.string(),
                    source->num_volumes_without_rows());
    }
    return source;
}

}  // namespace

std::string DatasetOptions::find_problem() const {
    if (folder.volumes.empty()) {
        return "";
    }
    if (!shards.empty()) {
        return "is given, and shards are given as well: which of the two?";
    }
    bool const has_csvs = !folder.reports.empty() && !folder.metadata.empty() && !folder.labels.empty();
    return has_csvs ? "" : "needs the three CSVs that describe the volumes: reports, metadata and labels";
}

std::shared_ptr<SampleSource const> open_dataset(DatasetOptions const& options) {
    return options.shards.empty() ? open_volumes(options.folder, options.reading)
                                  : open_shards(options.shards);
}

}  // namespace ctclip
