#include "shard/shard_verify.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "shard/python_json.hpp"
#include "shard/shard_digests.hpp"
#include "shard/shard_reader.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {
namespace {

bool is_ct_sample(ShardSample const& sample) {
    return sample.find("json") != nullptr || sample.find("txt") != nullptr ||
           sample.find("labels") != nullptr || sample.find("npy") != nullptr || sample.find("cls") != nullptr;
}

void check_digests(FileDescriptor const& file, ShardIndex const& walked, ShardSidecar const& sidecar) {
    std::string const shard = walked.path.string();
    ShardDigests const digests = read_digests(file, walked);
    require(
        walked.size_bytes == sidecar.size_bytes && digests.fsverity_sha256 == sidecar.fsverity_sha256,
        ExitCode::kBadInput,
        "{} is damaged: it has {} bytes with the digest {}, on record in {} are {} and {}. Restore it from a copy, or "
        "move it and its index away and convert again",
        shard, walked.size_bytes, digests.fsverity_sha256, sidecar_path(walked.path).filename().string(),
        sidecar.size_bytes, sidecar.fsverity_sha256);
    auto const is_same_member = [](ShardMember const& a, ShardMember const& b) {
        return a.name == b.name && a.suffix == b.suffix && a.data_offset == b.data_offset &&
               a.size_bytes == b.size_bytes;
    };
    auto const is_same_sample = [&](ShardSample const& a, SidecarSample const& b) {
        return a.key == b.sample.key && std::ranges::equal(a.members, b.sample.members, is_same_member);
    };
    require(std::ranges::equal(walked.samples, sidecar.samples, is_same_sample), ExitCode::kBadInput,
            "{}: {} lists other members than the shard has (the sidecar is damaged)", shard,
            sidecar_path(walked.path).filename().string());
    auto crc = digests.members_crc32c.begin();
    for (SidecarSample const& sample : sidecar.samples) {
        for (ShardMember const& member : sample.sample.members) {
            require(*crc++ == member.crc32c, ExitCode::kBadInput,
                    "{}: member {} does not have the CRC-32C on record (the sidecar is damaged)", shard,
                    python_string(member.name));
        }
    }
}

void check_samples(ShardIndex const& walked) {
    ShardReader const reader(walked);
    reader.require_complete_samples();
    for (ShardSample const& sample : walked.samples) {
        reader.read_metadata(sample);
        reader.read_report(sample);
        reader.read_labels(sample);
    }
}

}  // namespace

ShardVerdict verify_shard(std::filesystem::path const& path) {
    ShardIndex const walked = walk_shard(path);
    ShardVerdict verdict;
    verdict.num_samples = walked.samples.size();
    verdict.size_bytes = walked.size_bytes;
    verdict.has_digests = std::filesystem::exists(sidecar_path(path));
    verdict.has_ct_samples = std::ranges::any_of(walked.samples, is_ct_sample);
    if (verdict.has_digests) {
        ShardSidecar const sidecar = read_sidecar(path);
        verdict.is_converted = !sidecar.plan_sha256.empty();
        verdict.num_quarantined = sidecar.quarantined.size();
        check_digests(open_for_reading(path), walked, sidecar);
    }
    if (verdict.has_ct_samples) {
        check_samples(walked);
    }
    return verdict;
}

}  // namespace ctclip
