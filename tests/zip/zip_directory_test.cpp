// What numpy, PyTorch and hostile hands write is tested in tests/npz and tests/checkpoint with files of their
// own; here is what no small file of theirs shows.
#include "zip/zip_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "support/temp_dir.hpp"
#include "zip/zip_format.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

template <class... Numbers>
std::string little_endian(Numbers... numbers) {
    std::string bytes;
    (bytes.append(reinterpret_cast<char const*>(&numbers), sizeof numbers), ...);
    return bytes;
}

using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

/// A zip file of one member 'a', whose parts a test may spoil.
struct MadeZip {
    U16 flags = 0;
    U16 method = 0;
    U32 local_crc32 = 0x12345678;
    U32 local_size = 3;
    std::string local_extra;
    std::string data = "abc";
    std::string descriptor;
    U32 compressed_size = 3;
    U32 uncompressed_size = 3;
    std::string central_extra;
    std::string comment;

    std::string bytes() const {
        U16 const version = 45;
        U32 const time = 0;
        U16 const name_size = 1;
        std::string const members =
            little_endian(zip::kLocalSignature, version, flags, method, time, local_crc32, local_size,
                          local_size, name_size, static_cast<U16>(local_extra.size())) +
            "a" + local_extra + data + descriptor;
        std::string const directory =
            little_endian(zip::kCentralSignature, version, version, flags, method, time, U32{0x12345678},
                          compressed_size, uncompressed_size, name_size,
                          static_cast<U16>(central_extra.size()), U16{0}, U16{0}, U16{0}, U32{0}, U32{0}) +
            "a" + central_extra;
        return members + directory +
               little_endian(zip::kEndSignature, U16{0}, U16{0}, U16{1}, U16{1},
                             static_cast<U32>(directory.size()), static_cast<U32>(members.size()),
                             static_cast<U16>(comment.size())) +
               comment;
    }
};

std::vector<ZipMember> read(MadeZip const& zip, ZipComment comment = ZipComment::kAllowed) {
    TempDir const dir;
    std::filesystem::path const path = dir / "made.zip";
    std::string const bytes = zip.bytes();
    std::ofstream(path, std::ios::binary) << bytes;
    return read_zip_directory(open_for_reading(path), path, bytes.size(), comment);
}

void expect_refused(MadeZip const& zip, std::string const& why) {
    EXPECT_THAT([&] { read(zip); }, ThrowsMessage<Error>(HasSubstr("made.zip: " + why)));
}

TEST(ZipDirectory, SaysWhereMembersLie) {
    std::vector<ZipMember> const members = read({});
    ASSERT_EQ(members.size(), 1U);
    EXPECT_EQ(members[0].name, "a");
    EXPECT_EQ(members[0].method, ZipMethod::kStored);
    EXPECT_EQ(members[0].crc32, 0x12345678U);
    EXPECT_EQ(members[0].uncompressed_bytes, 3U);
    EXPECT_EQ(members[0].data_offset, zip::kLocalBytes + 1);
}

// The offset of a header beyond 4 GiB (here 0) stands in the directory and, unasked, beside the local zeros,
// before PyTorch's padding.
TEST(ZipDirectory, ReadsWhatPyTorchWritesBeyond4GiB) {
    MadeZip zip;
    zip.flags = 0x0808;
    zip.local_crc32 = 0;
    zip.local_size = 0;
    zip.local_extra = little_endian(zip::kZip64Extra, U16{24}, U64{3}, U64{3}, U64{0}) +
                      little_endian(U16{0x4246}, U16{2}) + "ZZ";
    zip.descriptor = little_endian(zip::kDescriptorSignature, U32{0x12345678}, U64{3}, U64{3});
    zip.compressed_size = zip::kSeeZip64;
    zip.uncompressed_size = zip::kSeeZip64;
    zip.central_extra = little_endian(zip::kZip64Extra, U16{16}, U64{3}, U64{3});
    EXPECT_EQ(read(zip).at(0).uncompressed_bytes, 3U);

    zip.local_size = 3;
    expect_refused(zip, "member 'a' has more zip64 values than it needs");
    zip.local_extra.clear();
    expect_refused(zip, "zip directory and local header of member 'a' disagree");
}

TEST(ZipDirectory, RefusesASizeInAZip64FieldThatIsMissing) {
    MadeZip zip;
    zip.uncompressed_size = zip::kSeeZip64;
    expect_refused(zip, "member 'a' refers to a zip64 field that is missing");
}

TEST(ZipDirectory, RefusesAStoredMemberOfTwoSizes) {
    MadeZip zip;
    zip.uncompressed_size = 4;
    expect_refused(zip, "member 'a' is stored, but its two sizes differ (3 and 4)");
}

TEST(ZipDirectory, AllowsHintsOfDeflateWhereItIsUsed) {
    MadeZip zip;
    zip.flags = 0x0002;
    expect_refused(zip, "member 'a' has unknown zip flags 0x0002");
    zip.method = 8;
    EXPECT_EQ(read(zip).at(0).method, ZipMethod::kDeflated);
}

TEST(ZipDirectory, AllowsACommentUnlessToldOtherwise) {
    MadeZip zip;
    zip.comment = "scanned twice";
    EXPECT_EQ(read(zip).size(), 1U);
    EXPECT_THAT([&] { read(zip, ZipComment::kRefused); },
                ThrowsMessage<Error>(HasSubstr("the zip file has a comment")));
}

}  // namespace
}  // namespace ctclip
