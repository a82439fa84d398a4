// ctclip-shard verify: is every byte of these shards what it should be?
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "convert/conversion_summary.hpp"
#include "convert/source_check.hpp"
#include "jobs/shard_preprocessor.hpp"
#include "shard/shard_index.hpp"
#include "shard/shard_indexer.hpp"
#include "shard/shard_set.hpp"
#include "shard/shard_verify.hpp"
#include "tools/ctclip_shard.hpp"

namespace ctclip {
namespace {

struct ShardVerifyOptions {
    std::vector<std::filesystem::path> paths;
    std::optional<std::filesystem::path> sources;
};

/// Goes on past what is wrong, so that one run names all of it.
class Verification {
  public:
    Verification(ToolContext& tool, std::optional<std::filesystem::path> const& sources) : tool_(tool) {
        if (sources) {
            require(std::filesystem::is_directory(*sources), ExitCode::kBadInput,
                    "{}: no such folder (--sources)", sources->string());
            source_check_.emplace(*sources, make_shard_preprocessor());
        }
    }

    void check(std::filesystem::path const& path) {
        if (!std::filesystem::is_directory(path)) {
            check_shard(path);
            return;
        }
        std::size_t const num_bad_before = num_bad_;
        std::size_t num_samples = 0;
        std::vector<ShardEntry> entries;
        auto const shards = list_shards(path);
        for (auto const& shard : shards) {
            ShardVerdict const verdict = check_shard(shard);
            num_samples += verdict.num_samples;
            entries.push_back({shard.filename().string(), verdict.size_bytes, verdict.num_samples});
        }
        if (num_bad_ == num_bad_before) {  // otherwise the counts cannot agree
            record_failures(path, [&] {
                require_manifest_agrees(path, shards.size(), num_samples);
                std::string const missing = find_missing_shards(path, shards.size());
                require(missing.empty(), ExitCode::kBadInput, "{}", missing);
                require_conversion_agrees(path, shards);
                if (std::filesystem::exists(path / kPlanName)) {
                    require_folder_indexes_agree(path, entries);
                }
            });
        }
    }

    ExitCode finish() {
        if (tool_.is_json()) {
            tool_.write_json(
                {{"schema", "ctclip.shard.verify/1"}, {"ok", num_bad_ == 0}, {"results", results_}});
        } else {
            tool_.print("{} of {} checks passed\n", results_.size() - num_bad_, results_.size());
        }
        return num_bad_ == 0 ? ExitCode::kDone : ExitCode::kBadInput;
    }

  private:
    /// Returns what verify_shard() says of a good shard; of a bad one not all is known.
    ShardVerdict check_shard(std::filesystem::path const& path) {
        ShardVerdict verdict;
        record_failures(path, [&] {
            verdict = verify_shard(path);
            if (!verdict.has_ct_samples && verdict.num_samples > 0) {
                log_warning("{}: holds no CT samples; only its structure was checked", path.string());
            }
            if (verdict.is_converted) {
                require_indexes_agree(path);
            }
            if (source_check_) {
                check_sources(path);
            }
            results_.push_back({{"path", path.string()},
                                {"ok", true},
                                {"samples", verdict.num_samples},
                                {"quarantined", verdict.num_quarantined},
                                {"size", verdict.size_bytes},
                                {"digests", verdict.has_digests},
                                {"sources", source_check_.has_value()}});
            if (!tool_.is_json()) {
                std::string const left_out =
                    verdict.num_quarantined > 0 ? fmt::format(", {} quarantined", verdict.num_quarantined) : "";
                tool_.print("ok   {}: {} samples{}{}{}\n", path.string(), verdict.num_samples, left_out,
                            verdict.has_digests ? ", all digests match" : " (no index beside it: no digests)",
                            source_check_ ? ", every voxel as in its source" : "");
            }
        });
        return verdict;
    }

    void check_sources(std::filesystem::path const& path) {
        require(std::filesystem::exists(sidecar_path(path)), ExitCode::kBadInput,
                "{} has no index beside it that names its sources", path.string());
        ShardReader const reader(path);
        for (SidecarSample const& sample : read_sidecar(path).samples) {
            source_check_->check(reader, sample);
        }
    }

    template <class Check>
    void record_failures(std::filesystem::path const& path, Check const& check) {
        try {
            check();
        } catch (Error const& error) {
            if (error.code() != ExitCode::kBadInput) {
                throw;
            }
            ++num_bad_;
            log_error("{}", error.what());
            results_.push_back({{"path", path.string()}, {"ok", false}, {"error", error.what()}});
            if (!tool_.is_json()) {
                tool_.print("BAD  {}\n", path.string());
            }
        }
    }

    ToolContext& tool_;
    std::optional<SourceCheck> source_check_;
    nlohmann::json results_ = nlohmann::json::array();
    std::size_t num_bad_ = 0;
};

}  // namespace

ToolCommand shard_verify_command() {
    return make_command<ShardVerifyOptions>(
        "verify",
        "checks every header, sample and, with an index, every byte; 0 all good, 65 something is wrong",
        {{"ctclip-shard verify shards", "all shards of a folder, and its manifest"},
         {"ctclip-shard verify shards --sources npz",
          "also every voxel against the volumes that it came from"},
         {"ctclip-shard verify a.tar b.tar", "single shards, also of Python webdataset or GNU tar"}},
        [](Schema& schema, ShardVerifyOptions& options) {
            schema.positional("PATH", options.paths, "shards, or folders of shards").required();
            schema.option("--sources", options.sources,
                          "convert the volumes of this folder again, and compare every voxel");
        },
        [](ToolContext& tool, ShardVerifyOptions const& options) {
            Verification verification(tool, options.sources);
            for (std::filesystem::path const& path : options.paths) {
                verification.check(path);
            }
            return verification.finish();
        });
}

}  // namespace ctclip
