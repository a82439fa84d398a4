/// How fast conversion is, against what its two largest parts cost alone: inflating the sources, and the digests of the
/// shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "convert/convert_job.hpp"

namespace ctclip {

/// Of one run on one rank. Processor times are of all threads together.
struct ConvertBenchmark {
    std::size_t num_volumes = 0;
    std::uint64_t source_file_bytes = 0;
    std::uint64_t source_array_bytes = 0;
    std::uint64_t shard_bytes = 0;

    double inflate_cpu_s = 0.0;  ///< reading and inflating every volume, nothing else: the floor
    double digest_cpu_s = 0.0;   ///< the digests of the shards again, nothing else
    double cpu_s = 0.0;          ///< the whole conversion, durable shards included
    double wall_s = 0.0;

    DecodedVolumes decoded;
    std::string writing_method;          ///< how large files go to the output's file system
    std::int64_t peak_memory_bytes = 0;  ///< resident, of the process, floor and conversion

    double volumes_per_s() const { return static_cast<double>(num_volumes) / wall_s; }
    double cpu_ms_per_volume() const { return 1e3 * cpu_s / static_cast<double>(num_volumes); }
    /// Share of the rank's time that is not inflating: one thread reads and inflates, a second one checks, converts,
    /// digests and writes, a third one reads back.
    double fraction_outside_inflate() const { return 1.0 - inflate_cpu_s / wall_s; }
    /// Share of the processor time, of all threads, that is not inflating.
    double cpu_fraction_outside_inflate() const { return 1.0 - inflate_cpu_s / cpu_s; }
    double cpu_fraction_digest() const { return digest_cpu_s / cpu_s; }
};

/// Inflates all volumes twice, then runs the convert job over them. The first pass, which is not measured, brings the
/// files into the page cache. Each pass begins with memory of its own, as a program does, and decodes as
/// options.memory_limit_mb wants it.
/// @param options  output: a folder that does not exist yet; it holds the shards afterwards.
/// @param preprocess  for layout `preprocessed`.
/// @throws Error as convert(); kCannotCreate if the output exists.
ConvertBenchmark benchmark_conversion(ConvertOptions const& options, VolumePreprocessor const& preprocess);

}  // namespace ctclip
