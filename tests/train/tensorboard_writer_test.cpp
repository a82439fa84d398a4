#include "train/tensorboard_writer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <set>

#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

std::vector<std::string> read_records(std::string const& bytes) {
    std::vector<std::string> records;
    for (std::size_t at = 0; at < bytes.size();) {
        std::uint64_t length = 0;
        std::memcpy(&length, bytes.data() + at, sizeof length);
        records.push_back(bytes.substr(at + 12, length));
        at += 12 + length + 4;
    }
    return records;
}

std::string only_file_in(std::filesystem::path const& folder) {
    return read_text_file(std::filesystem::directory_iterator(folder)->path());
}

TEST(TensorboardWriter, WritesVersionAndStartThenOneRecordPerStep) {
    TempDir const dir;
    TensorboardWriter writer(dir.path(), 299);
    writer.write_scalars(300, {{"train/loss", 2.5}, {"train/lr", 1e-3}});
    auto const records = read_records(only_file_in(dir.path()));
    ASSERT_EQ(records.size(), 3U);
    EXPECT_NE(records[0].find("brain.Event:2"), std::string::npos);
    EXPECT_EQ(records[1].substr(9), "\x10\xab\x02\x3a\x02\x08\x01");  // step 299; SessionLog {status: START}
    EXPECT_EQ(records[2].substr(9, 3), "\x10\xac\x02");                // step 300 as a varint
    EXPECT_NE(records[2].find("train/loss"), std::string::npos);
}

// TensorBoard reads the files of a folder in the order of their names.
TEST(TensorboardWriter, ALaterFileComesLaterByName) {
    TempDir const dir;
    std::set<std::filesystem::path> before;
    for (int i = 0; i < 4; ++i) {
        TensorboardWriter const writer(dir.path(), 1);
        for (auto const& entry : std::filesystem::directory_iterator(dir.path())) {
            if (!before.contains(entry.path())) {
                EXPECT_TRUE(before.empty() || *before.rbegin() < entry.path());
            }
        }
        for (auto const& entry : std::filesystem::directory_iterator(dir.path())) {
            before.insert(entry.path());
        }
        EXPECT_EQ(before.size(), static_cast<std::size_t>(i + 1));
    }
}

// The masked CRC of the length of the 24-byte version event is a constant of the format; TensorBoard itself reads such
// files in tests/jobs/peers_test.sh.
TEST(TensorboardWriter, ChecksumOfTheLengthIsTheFormats) {
    TempDir const dir;
    TensorboardWriter const writer(dir.path(), 1);
    std::string const bytes = only_file_in(dir.path());
    std::uint64_t length = 0;
    std::uint32_t crc = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    std::memcpy(&crc, bytes.data() + 8, sizeof crc);
    EXPECT_EQ(length, 24U);
    EXPECT_EQ(crc, 0x224b7fa3U);
}

}  // namespace
}  // namespace ctclip
