// ctclip-shard reap: deletes the sources of finished shards, after proof and a word.
#include <nlohmann/json.hpp>

#include "base/byte_units.hpp"
#include "convert/reap.hpp"
#include "convert/reap_journal.hpp"
#include "jobs/shard_preprocessor.hpp"
#include "tools/ctclip_shard.hpp"

namespace ctclip {
namespace {

nlohmann::json report_json(ReapReport const& report, bool is_dry_run) {
    return {{"schema", "ctclip.shard.reap/1"},   {"dry_run", is_dry_run},
            {"shards", report.num_shards},       {"unfinished_shards", report.num_unfinished},
            {"sources", report.num_sources},     {"source_bytes", report.source_bytes},
            {"rounded_voxels", report.num_rounded_voxels},
            {"worst_abs_error", report.worst_abs_error},
            {"saturated_voxels", report.num_saturated_voxels},
            {"resampled_sources", report.num_resampled},
            {"deleted_before", report.num_gone}, {"confirmation_word", report.confirmation_word}};
}

void print_report(ToolContext& tool, ReapOptions const& options, ReapReport const& report) {
    double const gib = static_cast<double>(report.source_bytes) / kBytesPerGiB;
    tool.print("{} shards read back from storage; every voxel equals a fresh conversion of {} sources ({:.2f} GiB)\n",
               report.num_shards, report.num_sources, gib);
    tool.print("what the shards do not give back: {} voxels were rounded to fp16 (at most by {}), {} saturated\n",
               report.num_rounded_voxels, report.worst_abs_error, report.num_saturated_voxels);
    if (report.num_resampled > 0) {
        tool.print(
            "AND {} SOURCES WERE RESAMPLED AND CLIPPED (layout preprocessed): their own voxels are in no shard\n",
            report.num_resampled);
    }
    if (report.num_gone > 0) {
        tool.print("{} sources were deleted before ({} says when)\n", report.num_gone, kReapJournalName);
    }
    if (report.num_unfinished > 0) {
        tool.print("{} planned shards are not finished; their sources stay\n", report.num_unfinished);
    }
    if (options.confirm) {
        tool.print("deleted {} sources; {} is the record\n", report.num_sources,
                   (options.shards / kReapJournalName).string());
    } else if (report.num_sources > 0) {
        tool.print("Nothing was deleted. To delete these {} sources for ever, add: --confirm {}\n",
                   report.num_sources, report.confirmation_word);
    }
}

}  // namespace

ToolCommand shard_reap_command() {
    return make_command<ReapOptions>(
        "reap",
        "deletes sources whose every voxel was just found in finished shards; without a word, a dry run",
        {{"ctclip-shard reap shards --sources npz", "checks everything, deletes nothing, says the word"},
         {"ctclip-shard reap shards --sources npz --confirm delete-0123abcd",
          "checks each shard again, then deletes its sources; the same command goes on after an "
          "interruption"}},
        [](Schema& schema, ReapOptions& options) {
            schema.positional("SHARDS", options.shards, "output folder of a conversion").required();
            schema.option("--sources", options.sources, "its folder of volumes").required();
            schema.option("--confirm", options.confirm, "the word that the dry run ended with");
        },
        [](ToolContext& tool, ReapOptions const& options) {
            ReapReport const report =
                reap(options,
                     {make_shard_preprocessor(), [&](std::string what, std::string unit, std::int64_t total) {
                          return tool.progress(std::move(what), std::move(unit), total);
                      }});
            if (tool.is_json()) {
                tool.write_json(report_json(report, !options.confirm));
            } else {
                print_report(tool, options, report);
            }
            return ExitCode::kDone;
        });
}

}  // namespace ctclip
