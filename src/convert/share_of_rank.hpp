/// What one rank of a conversion has to do, and has done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "convert/convert_job.hpp"
#include "convert/convert_plan.hpp"
#include "convert/sample_stream.hpp"
#include "convert/stop_notice.hpp"
#include "shard/shard_writer.hpp"

namespace ctclip {

class ShareOfRank {
  public:
    /// All must outlive this.
    ShareOfRank(ConvertOptions const& options, ConvertEnvironment const& environment, ConvertPlan const& plan);

    /// Reads every byte of the shards that earlier runs have finished, and holds it against its digest.
    /// @return  false if a stop request ended it early.
    bool check_finished_shards();

    bool has_work() const { return !unfinished_.empty(); }
    std::int64_t num_finished_studies() const { return num_finished_studies_; }
    std::int64_t num_quarantined() const { return num_quarantined_; }
    DecodedVolumes const& decoded() const { return decoded_; }
    HeaderOddityCounts const& header_oddities() const { return header_warnings_.counts(); }

    /// @param advance  called after every study.
    /// @return         false if a stop request ended it early.
    bool run(std::function<void()> const& advance);

  private:
    std::filesystem::path path_of(PlannedShard const& shard) const;
    /// Asked between volumes and between shards.
    bool must_stop() const;
    std::vector<PlannedStudy> studies_to_convert() const;
    /// The CSVs, with the reports of `studies` only.
    StudyTable load_csvs(std::vector<PlannedStudy> const& studies) const;
    bool convert_shard(PlannedShard const& shard, SampleConverter& converter, SampleStream& stream,
                       std::function<void()> const& advance);
    /// Of the shard before, if there is one. @throws Error what committing it threw.
    void await_commit();
    void add(std::string const& key, ConvertedSample& sample, SampleConverter& converter, ShardWriter& writer);
    void quarantine(PlannedStudy const& study, std::string const& key, std::string const& reason,
                    ShardWriter& writer);

    ConvertOptions const& options_;
    ConvertEnvironment const& environment_;
    StopNotice stop_notice_;
    ConvertPlan const& plan_;
    std::string plan_sha256_;
    std::vector<PlannedShard> unfinished_;
    std::int64_t num_finished_studies_ = 0;
    std::int64_t num_quarantined_ = 0;
    DecodedVolumes decoded_;
    HeaderWarnings header_warnings_;
    /// A shard is synced and read back, which is waiting for the disk, while the next one is converted.
    std::future<void> commit_;
};

}  // namespace ctclip
