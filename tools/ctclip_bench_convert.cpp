// ctclip-bench convert: studies to durable shards, beside what inflating and hashing the same bytes alone cost.
#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/machine.hpp"
#include "base/sha256_blocks.hpp"
#include "convert/convert_benchmark.hpp"
#include "jobs/shard_preprocessor.hpp"
#include "npz/half_ledger.hpp"
#include "tools/ctclip_bench.hpp"
#include "tools/spread.hpp"

namespace ctclip {
namespace {

struct BenchConvertOptions {
    ConvertOptions convert;
    std::int64_t repeats = 1;
    bool keeps_shards = false;
};

template <class Value>
nlohmann::ordered_json spread_of(std::vector<ConvertBenchmark> const& runs, Value const& value) {
    std::vector<double> values;
    for (ConvertBenchmark const& run : runs) {
        values.push_back(value(run));
    }
    return spread(values);
}

ExitCode bench_convert(ToolContext& tool, BenchConvertOptions const& options) {
    std::vector<ConvertBenchmark> runs;
    for (std::int64_t i = 0; i < options.repeats; ++i) {
        runs.push_back(benchmark_conversion(options.convert, make_shard_preprocessor()));
        bool const is_last = i + 1 == options.repeats;
        if (!(is_last && options.keeps_shards)) {
            std::filesystem::remove_all(options.convert.output);
        }
    }
    ConvertBenchmark const& last = runs.back();
    tool.write_json(
        {{"schema", "ctclip.bench.convert/2"},
         {"volumes", last.num_volumes},
         {"source_file_bytes", last.source_file_bytes},
         {"source_array_bytes", last.source_array_bytes},
         {"shard_bytes", last.shard_bytes},
         {"runs", options.repeats},
         {"wall_s", spread_of(runs, [](auto const& run) { return run.wall_s; })},
         {"cpu_s", spread_of(runs, [](auto const& run) { return run.cpu_s; })},
         {"inflate_cpu_s", spread_of(runs, [](auto const& run) { return run.inflate_cpu_s; })},
         {"digest_cpu_s", spread_of(runs, [](auto const& run) { return run.digest_cpu_s; })},
         {"volumes_per_s", spread_of(runs, [](auto const& run) { return run.volumes_per_s(); })},
         {"cpu_ms_per_volume", spread_of(runs, [](auto const& run) { return run.cpu_ms_per_volume(); })},
         {"fraction_outside_inflate",
          spread_of(runs, [](auto const& run) { return run.fraction_outside_inflate(); })},
         {"cpu_fraction_outside_inflate",
          spread_of(runs, [](auto const& run) { return run.cpu_fraction_outside_inflate(); })},
         {"cpu_fraction_digest", spread_of(runs, [](auto const& run) { return run.cpu_fraction_digest(); })},
         {"peak_memory_bytes", last.peak_memory_bytes},
         {"volumes_decoded_whole", last.decoded.num_whole},
         {"volumes_decoded_in_pieces", last.decoded.num_in_pieces},
         {"decoder", last.decoded.num_in_pieces > 0 ? "ISA-L" : "libdeflate"},
         {"instruction_set", half_instruction_set()},
         {"sha256_method", sha256_blocks_method()},
         {"writes", last.writing_method},
         {"processor", processor_name()},
         {"software", software_name()}});
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_convert_command() {
    return make_command<BenchConvertOptions>(
        "convert", "conversion of a set of studies on one rank, against inflating alone",
        {{"ctclip-bench convert --volumes npz --reports r.csv --metadata m.csv --labels l.csv --output scratch/shards",
          "the output folder must not exist; it is removed afterwards"}},
        [](Schema& schema, BenchConvertOptions& options) {
            options.convert.bind(schema);
            schema.key("repeats", options.repeats, "runs").positive().flag("--repeats");
            schema.key("keep", options.keeps_shards, "leave the last run's shards").flag("--keep");
        },
        bench_convert);
}

}  // namespace ctclip
