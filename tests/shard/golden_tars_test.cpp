// Every tar of golden/shards, of our converter's layout, Python webdataset and GNU tar, whole and damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "shard/tar_walk.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

std::filesystem::path const kData = std::filesystem::path(CTCLIP_TEST_DATA) / "shard";

std::vector<json> entries_of(std::string const& folder) {
    std::ifstream file(kData / folder / "expected.json");
    return json::parse(file).get<std::vector<json>>();
}

std::vector<json> readable_entries() {
    std::vector<json> all;
    for (char const* folder : {"clean", "webdataset", "gnutar"}) {
        for (json& entry : entries_of(folder)) {
            all.push_back(std::move(entry));
        }
    }
    return all;
}

std::string test_name(testing::TestParamInfo<json> const& info) {
    std::string name = info.param.at("file");
    for (char& c : name) {
        c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    }
    return name;
}

std::string escaped_type_flags(std::string const& flags) {
    std::string escaped;
    for (char const flag : flags) {
        escaped += flag == '\0' ? std::string("\\0") : std::string(1, flag);
    }
    return escaped;
}

class ReadableTar : public testing::TestWithParam<json> {};

TEST_P(ReadableTar, IsListedWithTheOffsetsOfPython) {
    json const& expected = GetParam();
    std::filesystem::path const path = kData / expected.at("file").get<std::string>();

    TarListing const listing = walk_tar(open_for_reading(path), path);
    ShardReader const reader(path);

    EXPECT_EQ(escaped_type_flags(listing.type_flags), expected.at("headers").get<std::string>());
    EXPECT_EQ(listing.end_of_archive_offset, expected.at("end_of_archive_offset"));
    EXPECT_EQ(listing.file_size_bytes, expected.at("size"));
    auto const& samples = reader.index().samples;
    ASSERT_EQ(samples.size(), expected.at("samples").size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        json const& sample = expected.at("samples")[i];
        EXPECT_EQ(samples[i].key, sample.at("key"));
        ASSERT_EQ(samples[i].members.size(), sample.at("members").size());
        for (std::size_t k = 0; k < samples[i].members.size(); ++k) {
            ShardMember const& member = samples[i].members[k];
            json const& expected_member = sample.at("members")[k];
            EXPECT_EQ(member.name, expected_member.at("name"));
            EXPECT_EQ(member.suffix, expected_member.at("suffix"));
            EXPECT_EQ(member.data_offset, expected_member.at("data_offset"));
            ASSERT_EQ(member.size_bytes, expected_member.at("size"));
            std::vector<std::byte> content(member.size_bytes);
            reader.read_member(member, content);
            EXPECT_EQ(sha256_hex(content), expected_member.at("sha256"));
        }
    }
}

TEST_P(ReadableTar, DecodesToWhatPythonDecodes) {
    json const& expected = GetParam();
    std::filesystem::path const path = kData / expected.at("file").get<std::string>();
    ShardReader const reader(path);

    EXPECT_EQ(verify_shard(path).num_samples, expected.at("samples").size());
    for (std::size_t i = 0; i < reader.index().samples.size(); ++i) {
        ShardSample const& sample = reader.index().samples[i];
        json const& truth = expected.at("samples")[i];
        if (!truth.contains("json")) {
            continue;  // tars that only try out record sizes
        }
        SampleMetadata const metadata = reader.read_metadata(sample);
        json const& fields = truth.at("json");
        EXPECT_EQ(metadata.study_id, fields.at("study_id"));
        EXPECT_EQ(json(metadata.volume_shape),
                  fields.contains("volume_shape") ? fields["volume_shape"] : fields["shape"]);
        EXPECT_EQ(metadata.layout == VolumeLayout::kRaw, fields.contains("RescaleSlope"));
        if (metadata.layout == VolumeLayout::kRaw) {
            EXPECT_EQ(metadata.rescale_slope, fields.at("RescaleSlope"));
            EXPECT_EQ(metadata.rescale_intercept, fields.at("RescaleIntercept"));
            EXPECT_EQ(metadata.xy_spacing, fields.at("XYSpacing"));
            EXPECT_EQ(metadata.z_spacing_mm, fields.at("ZSpacing"));
        }
        EXPECT_EQ(reader.read_report(sample), truth.at("txt"));
        json const labels = truth.contains("labels") ? truth["labels"] : json::array();
        EXPECT_EQ(json(reader.read_labels(sample)), labels.is_null() ? json::array() : labels);
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, ReadableTar, testing::ValuesIn(readable_entries()), test_name);

class DamagedTar : public testing::TestWithParam<json> {};

TEST_P(DamagedTar, IsReadOrRefusedByNameAsItShould) {
    json const& expected = GetParam();
    std::filesystem::path const path = kData / expected.at("file").get<std::string>();
    std::string const expect = expected.at("expect");
    try {
        ShardVerdict const verdict = verify_shard(path);
        EXPECT_THAT(expect, testing::AnyOf("read", "either")) << expected.at("why");
        EXPECT_EQ(verdict.num_samples, expected.at("reference_decode").size());
        for (json const& outcome : expected.at("reference_decode")) {
            EXPECT_THAT(outcome.get<std::string>(), testing::StartsWith("ok: "));
        }
    } catch (Error const& error) {
        EXPECT_THAT(expect, testing::AnyOf("refuse", "either")) << error.what();
        EXPECT_EQ(error.code(), ExitCode::kBadInput);
        EXPECT_THAT(error.what(), testing::HasSubstr(path.filename().string()));
        EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\x1b")))
            << "names are escaped in messages";
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, DamagedTar, testing::ValuesIn(entries_of("damaged")), test_name);

TEST(DamagedTar, IsRefusedWithTheReason) {
    auto const verifying = [](char const* name) {
        return [name] { verify_shard(kData / "damaged" / name); };
    };
    auto const says = [](char const* text) {
        return testing::ThrowsMessage<Error>(testing::HasSubstr(text));
    };
    EXPECT_THAT(verifying("gzip.tar"), says("gzip"));
    EXPECT_THAT(verifying("old_suffixes.tar"), says(".npy or .cls"));
    EXPECT_THAT(verifying("trunc_sample_boundary.tar"), says("without an end marker"));
    EXPECT_THAT(verifying("trunc_one_end_block.tar"), says("one zero block instead of two"));
    EXPECT_THAT(verifying("zero_block_in_middle.tar"), says("lone zero block"));
    EXPECT_THAT(verifying("two_archives.tar"), says("second archive"));
    EXPECT_THAT(verifying("size_larger_than_file.tar"), says("claims 16777215 bytes"));
    EXPECT_THAT(verifying("key_esc.tar"), says("a\\u001b[31mred"));
    EXPECT_THAT(verifying("labels_half.tar"), says("label 0 is 0.5"));
    EXPECT_THAT(verifying("json_dtype_float32.tar"), says("dtype is \"float32\""));
    EXPECT_THAT(verifying("symlink_bin.tar"), says("no regular file"));
}

TEST(ListShards, SortsByNameAndSkipsTemporaries) {
    auto const shards = list_shards(kData / "clean");
    std::vector<std::string> names;
    for (auto const& shard : shards) {
        names.push_back(shard.filename());
    }
    EXPECT_THAT(names, testing::ElementsAre("exact-record.tar", "record-plus-one.tar", "shard-000000.tar",
                                            "shard-000001.tar", "shard-000002.tar", "shard-000003.tar",
                                            "three-bytes.tar"));
    EXPECT_THAT([] { list_shards(kData); }, testing::ThrowsMessage<Error>(testing::HasSubstr("no shard")));
}

}  // namespace
}  // namespace ctclip
