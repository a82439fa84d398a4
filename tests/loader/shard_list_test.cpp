#include "loader/shard_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class ResolveShards : public testing::Test {
  protected:
    ResolveShards() {
        for (char const* const name : {"shard-000000.tar", "shard-000001.tar", "shard-000002.tar",
                                       "shard-000010.tar", "shard-000000.index.json", "manifest.json"}) {
            std::ofstream(folder_ / name) << "x";
        }
    }
    std::string in_folder(std::string const& name) const { return (folder_ / name).string(); }
    static std::vector<std::string> names(std::string const& specification) {
        std::vector<std::string> names;
        for (std::filesystem::path const& path : resolve_shards(specification)) {
            names.push_back(path.filename().string());
        }
        return names;
    }
    TempDir folder_;
};

TEST_F(ResolveShards, FolderGivesItsTarsSorted) {
    EXPECT_THAT(names(folder_.path().string()),
                ElementsAre("shard-000000.tar", "shard-000001.tar", "shard-000002.tar", "shard-000010.tar"));
}

TEST_F(ResolveShards, RangeKeepsItsZerosAndItsOrder) {
    EXPECT_THAT(names(in_folder("shard-{000000..000002}.tar")),
                ElementsAre("shard-000000.tar", "shard-000001.tar", "shard-000002.tar"));
}

TEST_F(ResolveShards, GlobIsSorted) {
    EXPECT_THAT(names(in_folder("shard-?0000[02].tar")), ElementsAre("shard-000000.tar", "shard-000002.tar"));
}

TEST_F(ResolveShards, JoinsListsInTheOrderGiven) {
    EXPECT_THAT(names(in_folder("shard-000010.tar") + "::" + in_folder("shard-{000001,000000}.tar")),
                ElementsAre("shard-000010.tar", "shard-000001.tar", "shard-000000.tar"));
}

TEST_F(ResolveShards, NamesWhatIsMissingOrDouble) {
    EXPECT_THAT([&] { resolve_shards(in_folder("shard-{000000..000003}.tar")); },
                ThrowsMessage<Error>(HasSubstr("shard-000003.tar: no such shard")));
    EXPECT_THAT([&] { resolve_shards(in_folder("other-*.tar")); },
                ThrowsMessage<Error>(HasSubstr("nothing matches")));
    EXPECT_THAT([&] { resolve_shards(in_folder("shard-000000.tar") + "::" + folder_.path().string()); },
                ThrowsMessage<Error>(HasSubstr("named twice")));
    EXPECT_THAT([] { resolve_shards(""); }, ThrowsMessage<Error>(HasSubstr("no shards are given")));
}

TEST(ExpandBraces, MultipliesRangesAndAlternatives) {
    EXPECT_THAT(expand_braces("a{8..10}{x,y}"), ElementsAre("a8x", "a8y", "a9x", "a9y", "a10x", "a10y"));
    EXPECT_THAT(expand_braces("{08..10}"), ElementsAre("08", "09", "10"));
    EXPECT_THAT(expand_braces("{0..2}"), ElementsAre("0", "1", "2"));
    EXPECT_THAT(expand_braces("{a,b{1..2}}.tar"), ElementsAre("a.tar", "b1.tar", "b2.tar"));
    EXPECT_THAT(expand_braces("plain"), ElementsAre("plain"));
}

TEST(ExpandBraces, RefusesMalformedAndEnormousPatterns) {
    EXPECT_THAT([] { expand_braces("shard-{0..5.tar"); }, ThrowsMessage<Error>(HasSubstr("not closed")));
    EXPECT_THAT([] { expand_braces("{5..1}"); }, ThrowsMessage<Error>(HasSubstr("no range")));
    EXPECT_THAT([] { expand_braces("{0..99999999999999999999}"); },
                ThrowsMessage<Error>(HasSubstr("no range")));
    EXPECT_THAT([] { expand_braces("{0..9999}{0..9999}"); }, ThrowsMessage<Error>(HasSubstr("more than")));
}

}  // namespace
}  // namespace ctclip
