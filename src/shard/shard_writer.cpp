#include "shard/shard_writer.hpp"

#include <algorithm>
#include <utility>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "shard/tar_format.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kSmallBytes = std::size_t{64} << 10;

void check_key(std::string_view key) {
    bool const is_plain = std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
               c == '-';
    });
    require(is_plain && !key.empty() && key.size() <= 64, ExitCode::kBadInput,
            "'{}' cannot be a sample's key (1 to 64 letters, digits, '_' or '-')", key);
}

}  // namespace

std::string shard_name(std::size_t shard_index) {
    return fmt::format("shard-{:06}.tar", shard_index);
}

std::string sample_key(std::size_t shard_index, std::size_t position) {
    return fmt::format("{:06}_{:06}", shard_index, position);
}

ShardWriter::ShardWriter(std::filesystem::path const& path, std::string plan_sha256)
    : path_(path), file_(path) {
    sidecar_.shard_name = path.filename().string();
    sidecar_.plan_sha256 = std::move(plan_sha256);
}

void ShardWriter::add(std::string const& key, SampleMetadata const& metadata,
                      std::span<std::uint16_t const> halves, std::string const& report,
                      std::span<float const> labels, std::optional<ConversionRecord> conversion) {
    check_key(key);
    CTCLIP_EXPECT(static_cast<std::int64_t>(halves.size()) == num_voxels(metadata.volume_shape));
    require(labels.size() == kNumLabels, ExitCode::kBadInput, "{}: {} labels instead of {}",
            metadata.study_id, labels.size(), kNumLabels);
    check_report_text(report, "the report of " + metadata.study_id);
    ShardSample sample{key, {}};
    append(sample, "bin", std::as_bytes(halves));
    std::string const json = encode_metadata(metadata);
    append(sample, "json", std::as_bytes(std::span(json)));
    append(sample, "txt", std::as_bytes(std::span(report)));
    append(sample, "labels", std::as_bytes(labels));
    sidecar_.samples.push_back({std::move(sample), metadata.study_id, std::move(conversion)});
}

void ShardWriter::add_quarantined(QuarantineRecord record) {
    sidecar_.quarantined.push_back(std::move(record));
}

void ShardWriter::append(ShardSample& sample, std::string_view suffix, std::span<std::byte const> content) {
    std::string const name = fmt::format("{}.{}", sample.key, suffix);
    TarBlock const header = make_tar_header(name, content.size());
    small_pieces_.append(header.data(), header.size());
    sample.members.push_back({name, std::string(suffix), file_.bytes_written() + small_pieces_.size(),
                              content.size(), crc32c(content)});
    if (content.size() <= kSmallBytes) {
        small_pieces_.append(reinterpret_cast<char const*>(content.data()), content.size());
    } else {
        flush();
        file_.write(content);
    }
    small_pieces_.append(tar_padded(content.size()) - content.size(), '\0');
}

void ShardWriter::flush() {
    file_.write(small_pieces_);
    small_pieces_.clear();
}

ShardSidecar ShardWriter::commit() {
    small_pieces_.append(2 * kTarBlockBytes, '\0');
    flush();
    std::uint64_t const past_record = file_.bytes_written() % kTarRecordBytes;
    file_.write(std::string(past_record == 0 ? 0 : kTarRecordBytes - past_record, '\0'));
    sidecar_.size_bytes = file_.bytes_written();
    sidecar_.sha256 = file_.seal();
    write_durably(sidecar_path(path_), encode_sidecar(sidecar_), IfExists::kReplace);
    file_.commit();
    return std::move(sidecar_);
}

}  // namespace ctclip
