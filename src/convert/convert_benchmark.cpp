#include "convert/convert_benchmark.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/block_writer.hpp"
#include "base/error.hpp"
#include "base/file_chunks.hpp"
#include "base/file_descriptor.hpp"
#include "base/fsverity_digest.hpp"
#include "base/machine.hpp"
#include "convert/conversion_summary.hpp"
#include "dist/self_communicator.hpp"
#include "npz/npz_reader.hpp"
#include "shard/shard_writer.hpp"

namespace ctclip {
namespace {

double process_cpu_s() {
    std::timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// How conversion inflates, and nothing else of it (the decoder of pieces checks the CRC-32 too).
void inflate_all(ConvertOptions const& options, ConvertPlan const& plan) {
    NpzReader reader;
    for (PlannedStudy const& study : plan.studies()) {
        reader.open(options.volumes / study.source_path, options.npz_key);
        if (options.memory_limit_mb > 0) {
            reader.decode_in_pieces([](auto) {});
        } else {
            reader.inflate();
        }
    }
}

double digest_cpu_s(ConvertPlan const& plan, std::filesystem::path const& output) {
    double sum_s = 0.0;
    for (PlannedShard const& shard : plan.shards()) {
        std::filesystem::path const path = output / shard_name(shard.shard_index);
        FileDescriptor const file = open_for_reading(path);
        FsVerityDigest digest;
        for_each_chunk(file, path, 0, file_size_bytes(file, path), [&](auto chunk) {
            double const before_s = process_cpu_s();
            digest.add(chunk);
            sum_s += process_cpu_s() - before_s;
        });
    }
    return sum_s;
}

/// Tried out with a block of a file that never gets a name.
std::string find_writing_method(std::filesystem::path const& folder) {
    FileDescriptor const file(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (!file) {
        return "unknown";  // not every file system has such files
    }
    BlockWriter writer(file, folder);
    std::ranges::fill(writer.block(), std::byte{});
    writer.submit();
    writer.finish(0);
    return writer.method();
}

}  // namespace

ConvertBenchmark benchmark_conversion(ConvertOptions const& options, VolumePreprocessor const& preprocess) {
    require(!std::filesystem::exists(options.output), ExitCode::kCannotCreate,
            "{} exists; a benchmark writes to a new folder", options.output.string());
    ConvertPlan const plan =
        ConvertPlan::make(options, StudyTable::load(options.reports, options.metadata, options.labels));
    ConvertBenchmark benchmark;
    inflate_all(options, plan);
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
                                         preprocess};
    auto const start = std::chrono::steady_clock::now();
    double const before_s = process_cpu_s();
    benchmark.decoded = convert(options, environment);
    benchmark.cpu_s = process_cpu_s() - before_s;
    benchmark.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    require(options.memory_limit_mb == 0 || benchmark.decoded.num_whole == 0, ExitCode::kBadConfig,
            "{} of the volumes fit convert.memory_limit_mb = {} as a whole: what inflating costs was measured for "
            "decoding in pieces. Lower the limit, or 0 for none",
            benchmark.decoded.num_whole, options.memory_limit_mb);
    benchmark.peak_memory_bytes = peak_memory_bytes();
    benchmark.digest_cpu_s = digest_cpu_s(plan, options.output);
    benchmark.writing_method = find_writing_method(options.output);

    ConversionSummary const summary = summarise(plan, options.output);
    benchmark.num_volumes = summary.num_samples;
    benchmark.source_file_bytes = summary.source_file_bytes;
    benchmark.source_array_bytes = summary.source_array_bytes;
    benchmark.shard_bytes = summary.shard_bytes;
    return benchmark;
}

}  // namespace ctclip
