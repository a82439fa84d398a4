#include "shard/shard_reader.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "shard/python_json.hpp"

namespace ctclip {
namespace {

constexpr std::uint64_t kMaxMetadataBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxReportBytes = std::uint64_t{16} << 20;
/// What is read is still in the processor's cache when its checksum is taken: half the cost of two passes.
constexpr std::size_t kReadBytes = std::size_t{128} << 10;

std::string place_of(std::filesystem::path const& shard, ShardMember const& member) {
    return fmt::format("{}: member {}", shard.string(), python_string(member.name));
}

/// The bytes of a member from its first to its last, and their checksum.
class MemberBytes {
  public:
    MemberBytes(FileDescriptor const& file, std::filesystem::path const& shard, ShardMember const& member)
        : file_(file), shard_(shard), member_(member) {}

    /// The next ones.
    void read(std::span<std::byte> out) {
        while (!out.empty()) {
            std::span<std::byte> const piece = out.first(std::min(kReadBytes, out.size()));
            read_exactly(file_, shard_, member_.data_offset + num_read_, piece);
            if (member_.crc32c) {
                auto const start = std::chrono::steady_clock::now();
                crc32c_ = crc32c(piece, crc32c_);
                checksum_time_ += std::chrono::steady_clock::now() - start;
            }
            num_read_ += piece.size();
            out = out.subspan(piece.size());
        }
    }

    /// @returns seconds that went into the checksum. @throws Error kBadInput if it is not the one on record.
    double finish() const {
        require(
            !member_.crc32c || crc32c_ == *member_.crc32c, ExitCode::kBadInput,
            "{} is damaged: its CRC-32C is {:08x}, {:08x} is on record. Restore the shard from a copy, or convert it "
            "again",
            place_of(shard_, member_), crc32c_, member_.crc32c.value_or(0));
        return checksum_time_.count();
    }

  private:
    FileDescriptor const& file_;
    std::filesystem::path const& shard_;
    ShardMember const& member_;
    std::uint64_t num_read_ = 0;
    std::uint32_t crc32c_ = 0;
    std::chrono::duration<double> checksum_time_{0.0};
};

}  // namespace

ShardReader::ShardReader(ShardIndex index) : index_(std::move(index)), file_(open_for_reading(index_.path)) {}

std::string ShardReader::where(ShardMember const& member) const {
    return place_of(index_.path, member);
}

ShardMember const& ShardReader::member_of(ShardSample const& sample, std::string_view suffix) const {
    if (ShardMember const* member = sample.find(suffix)) {
        return *member;
    }
    bool const is_first_format = sample.find("npy") != nullptr || sample.find("cls") != nullptr;
    fail(ExitCode::kBadInput, "{}: sample {} has no .{} member{}", index_.path.string(),
         python_string(sample.key), suffix,
         is_first_format
             ? " (it has the .npy or .cls members of the first converter versions; convert its source again)"
             : "");
}

void ShardReader::require_complete_samples() const {
    for (ShardSample const& sample : index_.samples) {
        for (std::string_view const suffix : {"bin", "json", "txt"}) {
            member_of(sample, suffix);
        }
        if (sample.find("labels") == nullptr && !read_metadata(sample).may_lack_labels) {
            member_of(sample, "labels");
        }
    }
}

SampleMetadata ShardReader::read_metadata(ShardSample const& sample) const {
    ShardMember const& member = member_of(sample, "json");
    SampleMetadata metadata = parse_metadata(read_text_member(member, kMaxMetadataBytes), where(member));
    ShardMember const& volume = member_of(sample, "bin");
    std::uint64_t const num_bytes =
        static_cast<std::uint64_t>(num_voxels(metadata.volume_shape)) * sizeof(std::uint16_t);
    require(num_bytes == volume.size_bytes, ExitCode::kBadInput,
            "{} has {} bytes, which do not hold the {}x{}x{} fp16 voxels that its json states", where(volume),
            volume.size_bytes, metadata.volume_shape[0], metadata.volume_shape[1], metadata.volume_shape[2]);
    return metadata;
}

std::string ShardReader::read_report(ShardSample const& sample) const {
    ShardMember const& member = member_of(sample, "txt");
    std::string report = read_text_member(member, kMaxReportBytes);
    check_report_text(report, where(member));
    return report;
}

std::vector<float> ShardReader::read_labels(ShardSample const& sample) const {
    if (sample.find("labels") == nullptr && read_metadata(sample).may_lack_labels) {
        return {};
    }
    ShardMember const& member = member_of(sample, "labels");
    require(member.size_bytes <= kMaxMetadataBytes, ExitCode::kBadInput, "{} has {} bytes (labels are few)",
            where(member), member.size_bytes);
    std::vector<std::byte> bytes(member.size_bytes);
    read_member(member, bytes);
    return parse_labels(bytes, where(member));
}

double ShardReader::read_volume(ShardSample const& sample, std::span<std::uint16_t> halves) const {
    return read_member(member_of(sample, "bin"), std::as_writable_bytes(halves));
}

double ShardReader::read_volume_in_parts(ShardSample const& sample, std::span<std::uint16_t> part,
                                         std::function<void()> const& use) const {
    ShardMember const& member = member_of(sample, "bin");
    CTCLIP_EXPECT(member.size_bytes % part.size_bytes() == 0);
    MemberBytes stream(file_, index_.path, member);
    for (std::uint64_t done = 0; done < member.size_bytes; done += part.size_bytes()) {
        stream.read(std::as_writable_bytes(part));
        use();
    }
    return stream.finish();
}

double ShardReader::read_member(ShardMember const& member, std::span<std::byte> out) const {
    CTCLIP_EXPECT(out.size() == member.size_bytes);
    MemberBytes stream(file_, index_.path, member);
    stream.read(out);
    return stream.finish();
}

std::string ShardReader::read_text_member(ShardMember const& member, std::uint64_t limit_bytes) const {
    require(member.size_bytes <= limit_bytes, ExitCode::kBadInput, "{} has {} bytes; at most {} are accepted",
            where(member), member.size_bytes, limit_bytes);
    std::string text(member.size_bytes, '\0');
    read_member(member, std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace ctclip
