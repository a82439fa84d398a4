#include "shard/shard_writer.hpp"

#include <algorithm>
#include <utility>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "shard/tar_format.hpp"

namespace ctclip {
namespace {

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
    : path_(path), file_(path, IfExists::kRefuse, FileDigest::kFsVerity) {
    sidecar_.shard_name = path.filename().string();
    sidecar_.plan_sha256 = std::move(plan_sha256);
}

void ShardWriter::add(std::string const& key, SampleMetadata const& metadata,
                      std::span<std::uint16_t const> halves, std::string const& report,
                      std::span<float const> labels, std::optional<ConversionRecord> conversion) {
    begin_sample(key, metadata, report, labels);
    append_voxels(halves);
    end_sample(std::move(conversion));
}

void ShardWriter::begin_sample(std::string const& key, SampleMetadata const& metadata, std::string const& report,
                               std::span<float const> labels) {
    CTCLIP_EXPECT(!open_);
    check_key(key);
    require(labels.size() == kNumLabels, ExitCode::kBadInput, "{}: {} labels instead of {}",
            metadata.study_id, labels.size(), kNumLabels);
    check_report_text(report, "the report of " + metadata.study_id);
    std::uint64_t const num_bytes =
        static_cast<std::uint64_t>(num_voxels(metadata.volume_shape)) * sizeof(std::uint16_t);
    std::string json = encode_metadata(metadata);
    open_ = OpenSample{{{key, {}}, metadata.study_id, {}},
                       std::move(json),
                       report,
                       {labels.begin(), labels.end()},
                       num_bytes};
    begin_member(open_->sample.sample, "bin", num_bytes);
}

void ShardWriter::append_voxels(std::span<std::uint16_t const> halves) {
    CTCLIP_EXPECT(open_);
    std::span<std::byte const> const bytes = std::as_bytes(halves);
    require(bytes.size() <= open_->num_missing_bytes, ExitCode::kInternal, "{}: more voxels than its shape has",
            open_->sample.study_id);
    ShardMember& volume = open_->sample.sample.members.front();
    volume.crc32c = crc32c_of_both(*volume.crc32c, file_.write(bytes), bytes.size());
    open_->num_missing_bytes -= bytes.size();
}

void ShardWriter::end_sample(std::optional<ConversionRecord> conversion) {
    CTCLIP_EXPECT(open_);
    require(open_->num_missing_bytes == 0, ExitCode::kInternal, "{}: fewer voxels than its shape has",
            open_->sample.study_id);
    ShardSample& sample = open_->sample.sample;
    end_member(sample.members.front());
    append(sample, "json", std::as_bytes(std::span(open_->json)));
    append(sample, "txt", std::as_bytes(std::span(open_->report)));
    append(sample, "labels", std::as_bytes(std::span(open_->labels)));
    open_->sample.conversion = std::move(conversion);
    sidecar_.samples.push_back(std::move(open_->sample));
    open_.reset();
}

void ShardWriter::add_quarantined(QuarantineRecord record) {
    sidecar_.quarantined.push_back(std::move(record));
}

ShardMember& ShardWriter::begin_member(ShardSample& sample, std::string_view suffix, std::uint64_t size_bytes) {
    std::string const name = fmt::format("{}.{}", sample.key, suffix);
    TarBlock const header = make_tar_header(name, size_bytes);
    file_.write({header.data(), header.size()});
    sample.members.push_back({name, std::string(suffix), file_.bytes_written(), size_bytes, 0U});
    return sample.members.back();
}

void ShardWriter::end_member(ShardMember const& member) {
    file_.write(std::string(tar_padded(member.size_bytes) - member.size_bytes, '\0'));
}

void ShardWriter::append(ShardSample& sample, std::string_view suffix, std::span<std::byte const> content) {
    ShardMember& member = begin_member(sample, suffix, content.size());
    member.crc32c = file_.write(content);
    end_member(member);
}

ShardSidecar ShardWriter::commit() {
    require(!open_, ExitCode::kInternal, "{}: a sample of it is incomplete", path_.string());
    file_.write(std::string(2 * kTarBlockBytes, '\0'));
    std::uint64_t const past_record = file_.bytes_written() % kTarRecordBytes;
    file_.write(std::string(past_record == 0 ? 0 : kTarRecordBytes - past_record, '\0'));
    sidecar_.size_bytes = file_.bytes_written();
    sidecar_.fsverity_sha256 = file_.seal();
    write_durably(sidecar_path(path_), encode_sidecar(sidecar_), IfExists::kReplace);
    file_.commit();
    return std::move(sidecar_);
}

}  // namespace ctclip
