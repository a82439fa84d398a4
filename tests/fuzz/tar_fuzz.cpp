// A shard: the walk over its headers, its samples, and the indexes made from it. Every input is read as it
// is, and once more with right checksums in its headers if it has others, so that the damage reaches what
// lies behind them.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "fuzz/fuzz_target.hpp"
#include "shard/shard_indexer.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "shard/tar_walk.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kBlockBytes = 512;

void check_members(TarListing const& listing) {
    std::uint64_t end = 0;
    for (TarMember const& member : listing.members) {
        promise(member.header_offset >= end, "members do not overlap");
        promise(member.data_offset >= member.header_offset + kBlockBytes, "data lies behind its header");
        promise(member.data_offset <= listing.file_size_bytes &&
                    member.size_bytes <= listing.file_size_bytes - member.data_offset,
                "members lie inside the file");
        end = member.data_offset + member.size_bytes;
    }
    promise(listing.end_of_archive_offset >= end, "the end marker lies behind the members");
}

void check_indexes(std::filesystem::path const& path, std::size_t num_samples) {
    promise(energon_index(path).size() == 8 * (num_samples + 1), "Energon's index has an offset a sample");
    promise(dali_index(path).starts_with("v1.2 "), "DALI's index has its version");
    promise(nlohmann::json::parse(wids_index({entry_of(path)})).at("shardlist")[0].at("nsamples") == num_samples,
            "wids' index counts the samples");
    ShardSidecar const sidecar = make_sidecar(path);
    std::string const text = encode_sidecar(sidecar);
    promise(encode_sidecar(decode_sidecar(text, "sidecar")) == text, "a sidecar reads back");
}

void read_shard(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    std::filesystem::path const& path = file.hold(bytes);
    check_members(walk_tar(open_for_reading(path), path));
    ShardVerdict const verdict = verify_shard(path);
    check_indexes(path, verdict.num_samples);
}

std::vector<std::uint8_t> with_right_checksums(std::span<std::uint8_t const> bytes) {
    std::vector<std::uint8_t> repaired(bytes.begin(), bytes.end());
    for (std::size_t header = 0; header + kBlockBytes <= repaired.size(); header += kBlockBytes) {
        std::uint8_t* const block = repaired.data() + header;
        if (as_text(block + 257, 5) != "ustar") {
            continue;
        }
        unsigned const sum = std::accumulate(block, block + 148, 8U * ' ') +
                             std::accumulate(block + 156, block + kBlockBytes, 0U);
        for (std::size_t digit = 0; digit < 6; ++digit) {
            block[148 + digit] = static_cast<std::uint8_t>('0' + (sum >> (15 - 3 * digit) & 7U));
        }
        block[154] = 0;
        block[155] = ' ';
    }
    return repaired;
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::span<std::uint8_t const> const bytes(data, size);
    ctclip::read_or_refuse([&] { ctclip::read_shard(bytes); });
    std::vector<std::uint8_t> const repaired = ctclip::with_right_checksums(bytes);
    if (std::ranges::equal(repaired, bytes)) {
        return 0;
    }
    return ctclip::read_or_refuse([&] { ctclip::read_shard(repaired); });
}
