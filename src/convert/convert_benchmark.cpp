#include "convert/convert_benchmark.hpp"

#include <chrono>
#include <ctime>

#include "base/error.hpp"
#include "convert/conversion_summary.hpp"
#include "convert/convert_job.hpp"
#include "convert/source_reader.hpp"
#include "dist/self_communicator.hpp"

namespace ctclip {
namespace {

double process_cpu_s() {
    std::timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void inflate_all(ConvertOptions const& options, ConvertPlan const& plan) {
    SourceReader reader;
    for (PlannedStudy const& study : plan.studies()) {
        reader.read(options.volumes / study.source_path, options.npz_key);
    }
}

}  // namespace

ConvertBenchmark benchmark_conversion(ConvertOptions const& options) {
    require(!std::filesystem::exists(options.output), ExitCode::kCannotCreate,
            "{} exists; a benchmark writes to a new folder", options.output.string());
    ConvertPlan const plan =
        ConvertPlan::make(options, StudyTable::load(options.reports, options.metadata, options.labels));
    ConvertBenchmark benchmark;
    double const before_inflate_s = process_cpu_s();
    inflate_all(options, plan);
    benchmark.inflate_cpu_s = process_cpu_s() - before_inflate_s;

    SelfCommunicator communicator;
    ConvertEnvironment const environment{communicator,
                                         [] { return false; },
                                         [](std::string what, std::string unit, std::int64_t total) {
                                             return Progress(std::move(what), std::move(unit), total,
                                                             ProgressStyle::kSilent);
                                         },
                                         [](std::string_view) {},
                                         {}};
    auto const start = std::chrono::steady_clock::now();
    double const before_s = process_cpu_s();
    convert(options, environment);
    benchmark.cpu_s = process_cpu_s() - before_s;
    benchmark.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    ConversionSummary const summary = summarise(plan, options.output);
    benchmark.num_volumes = summary.num_samples;
    benchmark.source_file_bytes = summary.source_file_bytes;
    benchmark.source_array_bytes = summary.source_array_bytes;
    benchmark.shard_bytes = summary.shard_bytes;
    return benchmark;
}

}  // namespace ctclip
