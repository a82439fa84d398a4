// Valid HDF5 under a right digest, with things inside that no checkpoint of ours has (spec/reliability.md 2.6
// H4): links that leave the file, foreign storage, filters, types and sizes. Each is refused with the error
// that names it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/example_state.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

constexpr char const* kLink = "is a link to elsewhere";
constexpr char const* kLayout = "is not stored in chunks with Fletcher-32 checksums alone";
constexpr char const* kType = "has a type that no checkpoint has";
constexpr char const* kTooLarge = "more than the file can hold";
constexpr char const* kGroups = "are not those of checkpoint format 1";
constexpr char const* kScalar = "is not a scalar";
constexpr char const* kKind = "is neither an integer, a real number nor a text";

/// Case of hostile_hdf5.py -> what the error says.
std::map<std::string, std::string> const kExpected = {
    {"array_for_a_group", kGroups},
    {"array_in_optimizer", "/optimizer holds an array 'more'"},
    {"array_in_root", "/ holds an array 'more'"},
    {"array_type", kType},
    {"attribute_is_a_reference", kKind},
    {"big_endian", kType},
    {"complex", kType},
    {"compound", kType},
    {"contiguous", kLayout},
    {"dangling_soft_link", kLink},
    {"enum", kType},
    {"extendible", "can be extended"},
    {"external_link", kLink},
    {"external_link_for_a_group", kLink},
    {"external_storage", kLayout},
    {"fixed_text", kType},
    {"group_in_model", kGroups},
    {"group_missing", kGroups},
    {"group_too_many", kGroups},
    {"groups_500_deep", kGroups},
    {"gzip", kLayout},
    {"gzip_alone", kLayout},
    {"half", kType},
    {"huge_bytes_of_few", kTooLarge},
    {"huge_one_axis", kTooLarge},
    {"huge_product", "has more than 2^63 elements"},
    {"larger_than_the_file", kTooLarge},
    {"lzf", kLayout},
    {"moment_of_another_shape",
     "/optimizer/exp_avg/to_text_latent.weight of shape [5, 7] has no model tensor"},
    {"named_type", "is neither a group nor an array"},
    {"newer_version_inside", "('ctclip-checkpoint', version 2)"},
    {"no_checksum", kLayout},
    {"no_space", "has no shape"},
    {"opaque", kType},
    {"other_format_inside", "('keras', version 1)"},
    {"rank_32", kTooLarge},
    {"reference", kType},
    {"root_inside_model", kGroups},
    {"shuffle", kLayout},
    {"soft_link", kLink},
    {"soft_link_for_a_group", kLink},
    {"soft_link_to_itself", kLink},
    {"step_is_an_array", kScalar},
    {"step_is_big_endian", kKind},
    {"step_is_compound", kKind},
    {"step_is_real", "'step' is not an integer"},
    {"step_missing", "no value 'step'"},
    {"text_is_an_array", kScalar},
    {"text_of_fixed_length", kKind},
    {"unknown_filter", kLayout},
    {"variable_length", kType},
    {"virtual_dataset", kLayout},
    {"weight_of_integers_8", "model tensor to_text_latent.weight is I8"},
};

void give_right_digest(std::filesystem::path const& path) {
    std::vector<std::byte> const bytes = read_file(path);
    auto const hdf5 = std::span(bytes).subspan(kEnvelopeBytes);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file << render_envelope({hdf5.size(), sha256_hex(hdf5)});
}

/// What `read` says against the file.
template <class Read>
std::string refusal(std::filesystem::path const& path, Read const& read) {
    try {
        read(path);
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
        return error.what();
    }
    return path.string() + " was accepted";
}

TEST(HostileHdf5, IsRefusedByName) {
    TempDir const dir;
    write_checkpoint(dir / "good.h5", example_state(1));
    std::filesystem::create_directory(dir / "hostile");
    std::string const command =
        fmt::format("{} {} {} {}", CTCLIP_PEER_PYTHON, CTCLIP_TEST_DATA "/../checkpoint/hostile_hdf5.py",
                    (dir / "good.h5").string(), (dir / "hostile").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;

    for (auto const& [name, complaint] : kExpected) {
        std::filesystem::path const path = dir.path() / "hostile" / (name + ".h5");
        give_right_digest(path);
        auto const is_named =
            testing::AllOf(testing::StartsWith(path.string()), testing::HasSubstr(complaint));
        EXPECT_THAT(refusal(path, [](auto const& file) { read_checkpoint(file); }), is_named);
        EXPECT_THAT(refusal(path, [](auto const& file) { verify_checkpoint(file); }), is_named);
    }
    auto const files = std::filesystem::directory_iterator(dir / "hostile");
    EXPECT_EQ(static_cast<std::size_t>(std::distance(begin(files), end(files))), kExpected.size());
}

}  // namespace
}  // namespace ctclip
