// libarchive as an independent reader: it must find in a shard what we find, member for member and byte for
// byte.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <memory>
#include <stdexcept>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "shard/made_shard.hpp"
#include "shard/shard_reader.hpp"
#include "shard/tar_walk.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

fs::path const kData = fs::path(CTCLIP_TEST_DATA) / "shard";

struct FoundMember {
    std::string name;
    std::uint64_t size_bytes = 0;
    std::string sha256;

    bool operator==(FoundMember const&) const = default;
};

void PrintTo(FoundMember const& member, std::ostream* out) {
    *out << member.name << " " << member.size_bytes << " " << member.sha256;
}

using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;

[[noreturn]] void fail_reading(Archive const& reader) {
    char const* const text = archive_error_string(reader.get());
    throw std::runtime_error(text == nullptr ? "it ends early" : text);
}

Archive open_archive(fs::path const& path) {
    Archive reader(archive_read_new(), &archive_read_free);
    archive_read_support_format_tar(reader.get());
    if (archive_read_open_filename(reader.get(), path.c_str(), 10240) != ARCHIVE_OK) {
        fail_reading(reader);
    }
    return reader;
}

/// The regular files of a tar. @throws std::runtime_error for whatever libarchive complains of, warnings too.
std::vector<FoundMember> read_with_libarchive(fs::path const& path) {
    Archive const reader = open_archive(path);
    std::vector<FoundMember> members;
    archive_entry* entry = nullptr;
    int code = ARCHIVE_OK;
    while ((code = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
        if (archive_entry_filetype(entry) != AE_IFREG) {
            continue;  // a folder
        }
        std::int64_t const size_bytes = archive_entry_size(entry);
        if (size_bytes < 0 || size_bytes > static_cast<std::int64_t>(fs::file_size(path))) {
            continue;  // libarchive gives what the header claims; it complains of what is missing at the next
                       // one
        }
        std::vector<std::byte> content(static_cast<std::size_t>(size_bytes));
        if (archive_read_data(reader.get(), content.data(), content.size()) !=
            static_cast<la_ssize_t>(content.size())) {
            fail_reading(reader);
        }
        char const* const name = archive_entry_pathname(entry);
        members.push_back({name == nullptr ? "" : name, content.size(), sha256_hex(content)});
    }
    if (code != ARCHIVE_EOF) {
        fail_reading(reader);
    }
    return members;
}

std::vector<FoundMember> read_with_ours(fs::path const& path) {
    FileDescriptor const file = open_for_reading(path);
    std::vector<FoundMember> members;
    for (TarMember const& member : walk_tar(file, path).members) {
        std::vector<std::byte> content(member.size_bytes);
        read_exactly(file, path, member.data_offset, content);
        members.push_back({member.name, member.size_bytes, sha256_hex(content)});
    }
    return members;
}

TEST(Libarchive, FindsInOurShardsWhatWeWrote) {
    TempDir const dir;
    fs::path const shard = dir / "shard-000007.tar";
    make_shard(shard);
    EXPECT_EQ(read_with_libarchive(shard).size(), 8U);
    EXPECT_EQ(read_with_libarchive(shard), read_with_ours(shard));
}

/// libarchive turns names into those of the program's locale.
class Utf8Locale {
  public:
    Utf8Locale() { EXPECT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    ~Utf8Locale() { std::setlocale(LC_CTYPE, "C"); }
};

/// Pax headers, GNU, ustar, old and v7 names, folders, alphabetical order.
TEST(Libarchive, FindsInShardsOfPythonAndGnuTarWhatWeFind) {
    Utf8Locale const utf8;
    std::size_t num_tars = 0;
    std::size_t num_members = 0;
    for (char const* folder : {"clean", "webdataset", "gnutar"}) {
        for (auto const& entry : fs::directory_iterator(kData / folder)) {
            if (entry.path().extension() == ".tar") {
                std::vector<FoundMember> const found = read_with_libarchive(entry.path());
                EXPECT_EQ(found, read_with_ours(entry.path())) << entry.path();
                num_members += found.size();
                ++num_tars;
            }
        }
    }
    EXPECT_EQ(num_tars, 27U);
    EXPECT_GT(num_members, 200U);
}

/// We refuse more than libarchive does (tar_walk.hpp), and never less.
TEST(Libarchive, RefusesNoDamagedShardThatWeRead) {
    Utf8Locale const utf8;
    std::size_t num_refused = 0;
    for (auto const& entry : fs::directory_iterator(kData / "damaged")) {
        if (entry.path().extension() != ".tar") {
            continue;
        }
        try {
            read_with_libarchive(entry.path());
        } catch (std::runtime_error const& complaint) {
            ++num_refused;
            EXPECT_THROW(read_with_ours(entry.path()), Error) << entry.path() << ": " << complaint.what();
        }
    }
    EXPECT_GT(num_refused, 5U);
}

}  // namespace
}  // namespace ctclip
