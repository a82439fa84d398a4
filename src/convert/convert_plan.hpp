/// Which study goes into which position of which shard: made once, written before the first shard, and read,
/// never made again, by every later run over the same output. So a run that was interrupted goes on with the
/// same shards even when sources have come or gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convert/convert_options.hpp"
#include "study/study_table.hpp"

namespace ctclip {

struct PlannedStudy {
    std::string study_id;
    std::string source_path;  ///< relative to the folder of volumes
    std::uint64_t source_size_bytes = 0;
};

/// Positions [first, first + count) of the plan's studies.
struct PlannedShard {
    std::size_t shard_index = 0;
    std::size_t first_study = 0;
    std::size_t num_studies = 0;
};

class ConvertPlan {
  public:
    /// Everything that decides the bytes of the shards, by name: two plans with equal settings and sources
    /// are equal.
    using Settings = std::vector<std::pair<std::string, std::string>>;
    static Settings settings_of(ConvertOptions const& options);
    /// SHA-256 of the three CSVs, by name.
    static Settings csv_digests(ConvertOptions const& options);

    /// Scans `options.volumes` and joins it with `studies`; sorted bytewise by study id.
    /// Warns of what is named like a volume but is no file.
    /// @throws Error kBadInput: no volume with CSV rows at all, two volumes of one name, too many without
    /// rows, a study with CSV rows whose volume is no file; kIoError.
    static ConvertPlan make(ConvertOptions const& options, StudyTable const& studies);

    /// The file's text; parse(encode()) is equal. @throws Error kBadInput naming `where`.
    std::string encode() const;
    static ConvertPlan parse(std::string const& text, std::string const& where);
    /// SHA-256 of encode(): shards carry it in their sidecars.
    std::string sha256() const;

    /// @throws Error kBadConfig naming every setting that is not the plan's.
    void require_same_settings(Settings const& settings, std::filesystem::path const& plan_path) const;
    void require_same_csvs(Settings const& digests, std::filesystem::path const& plan_path) const;
    /// @throws Error kBadInput: more volumes without CSV rows, or studies without volume, than `options` accept.
    void require_few_mismatches(ConvertOptions const& options) const;

    std::vector<PlannedStudy> const& studies() const noexcept { return studies_; }
    std::size_t samples_per_shard() const noexcept { return samples_per_shard_; }
    /// NPZ files that a CSV does not know, relative paths; studies in the CSVs without NPZ.
    std::vector<std::string> const& unmatched_volumes() const noexcept { return unmatched_volumes_; }
    std::vector<std::string> const& studies_without_volume() const noexcept {
        return studies_without_volume_;
    }

    /// Consecutive chunks of samples_per_shard studies; the last one may be shorter.
    std::vector<PlannedShard> shards() const;
    std::span<PlannedStudy const> studies_of(PlannedShard const& shard) const {
        return std::span(studies_).subspan(shard.first_study, shard.num_studies);
    }
    /// The shards of one rank, in index order. Largest first to the rank with the least bytes so far: a pure
    /// function of the plan, and together the ranks' shares are all shards, each once.
    std::vector<PlannedShard> shards_of_rank(int rank, int world_size) const;

  private:
    Settings settings_;
    Settings csv_digests_;
    std::size_t samples_per_shard_ = 1;
    std::vector<PlannedStudy> studies_;
    std::vector<std::string> unmatched_volumes_;
    std::vector<std::string> studies_without_volume_;
};

}  // namespace ctclip
