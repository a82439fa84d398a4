#include "checkpoint/checkpoint_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "checkpoint/example_state.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::byte> to_bytes(FileImage const& image) {
    return {image.bytes().begin(), image.bytes().end()};
}

TEST(Checkpoint, GivesBackEveryBitOfTheState) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        TempDir const dir;
        write_checkpoint(dir / "a.h5", example_state(seed));
        expect_equal(read_checkpoint(dir / "a.h5"), example_state(seed));
        EXPECT_NO_THROW(verify_checkpoint(dir / "a.h5"));
    }
}

/// Files of every format version stay readable for ever (docs/checkpoint_format.md).
TEST(Checkpoint, ReadsFormat1) {
    std::filesystem::path const path =
        std::filesystem::path(CTCLIP_TEST_DATA) / "checkpoint" / "format_1" / "step-00000007.h5";
    expect_equal(read_checkpoint(path), example_state(1));
}

TEST(Checkpoint, KeepsArraysOfManyChunks) {
    TempDir const dir;
    TrainState state;
    state.model = {{"wide", random_floats({3, 2'500'000}, 1)},  // a row is larger than a chunk
                   {"tall", random_floats({2'100'001}, 2)},     // chunks do not divide it
                   {"many", random_floats({1031, 1021}, 3)}};
    write_checkpoint(dir / "a.h5", state);
    expect_equal(read_checkpoint(dir / "a.h5"), state);
}

TEST(Checkpoint, IsTheSameFileForTheSameState) {
    auto const first = to_bytes(serialise_checkpoint(example_state(1)));
    std::vector<std::vector<std::byte>> dirt(100, std::vector<std::byte>(50'000, std::byte{0xAB}));
    dirt.clear();
    EXPECT_EQ(to_bytes(serialise_checkpoint(example_state(1))), first);
    EXPECT_NE(to_bytes(serialise_checkpoint(example_state(2))), first);
}

TEST(Checkpoint, ReadsOnlyThePartsAskedFor) {
    TempDir const dir;
    TrainState const state = example_state(3);
    write_checkpoint(dir / "a.h5", state);

    TrainState const info = read_checkpoint(dir / "a.h5", CheckpointParts::kInfo);
    EXPECT_EQ(info.info, state.info);
    EXPECT_EQ(info.metrics, state.metrics);
    EXPECT_TRUE(info.model.empty());

    TrainState const model = read_checkpoint(dir / "a.h5", CheckpointParts::kModel);
    EXPECT_EQ(model.model, state.model);
    EXPECT_TRUE(model.exp_avg.empty());
}

TEST(Checkpoint, IsNeverOverwrittenUnlessAsked) {
    TempDir const dir;
    write_checkpoint(dir / "a.h5", example_state(1));
    EXPECT_THROW(write_checkpoint(dir / "a.h5", example_state(2)), Error);
    expect_equal(read_checkpoint(dir / "a.h5"), example_state(1));
    write_checkpoint(dir / "a.h5", example_state(2), IfExists::kReplace);
    expect_equal(read_checkpoint(dir / "a.h5"), example_state(2));
}

TEST(Checkpoint, RefusesAStateItCouldNotGiveBack) {
    TrainState half = example_state(1);
    half.model["w"] = make_array<std::uint16_t>(DType::kF16, {1}, {0});
    EXPECT_THAT([&] { serialise_checkpoint(half); },
                ThrowsMessage<Error>(HasSubstr("model tensor w is F16")));

    TrainState orphan = example_state(1);
    orphan.exp_avg["w"] = random_floats({2}, 1);
    EXPECT_THAT([&] { serialise_checkpoint(orphan); },
                ThrowsMessage<Error>(HasSubstr("/optimizer/exp_avg/w of shape [2] has no model tensor")));

    TrainState slash = example_state(1);
    slash.model["a/b"] = random_floats({2}, 1);
    EXPECT_THAT([&] { serialise_checkpoint(slash); },
                ThrowsMessage<Error>(HasSubstr("'a/b' cannot be the name")));

    TrainState nul = example_state(1);
    nul.info.config = std::string("a\0b", 3);
    EXPECT_THAT([&] { serialise_checkpoint(nul); }, ThrowsMessage<Error>(HasSubstr("NUL")));
}

TEST(Checkpoint, TellsAForeignFileFromADamagedOne) {
    TempDir const dir;
    write_durably(dir / "foreign", "hello", IfExists::kRefuse);
    EXPECT_FALSE(is_checkpoint(dir / "foreign"));
    EXPECT_THAT([&] { read_checkpoint(dir / "foreign"); },
                ThrowsMessage<Error>(HasSubstr("not a ctclip checkpoint")));

    write_checkpoint(dir / "a.h5", example_state(1));
    EXPECT_TRUE(is_checkpoint(dir / "a.h5"));
    std::filesystem::resize_file(dir / "a.h5", std::filesystem::file_size(dir / "a.h5") - 1);
    EXPECT_THAT([&] { read_checkpoint(dir / "a.h5"); }, ThrowsMessage<Error>(HasSubstr("the envelope says")));
}

TEST(Envelope, RefusesANewerFormatByName) {
    std::string text = render_envelope({1, std::string(64, 'a')});
    text.replace(text.find("format 1"), 8, "format 2");
    EXPECT_THAT([&] { parse_envelope(text, "x.h5"); },
                ThrowsMessage<Error>(HasSubstr("format 2 is newer than this program")));
}

TEST(StateGroup, NamesWhatIsMissing) {
    StateGroup const group{{{"scale", 2.0}}, {}};
    EXPECT_EQ(group.real("scale"), 2.0);
    EXPECT_THAT([&] { group.integer("tracker"); }, ThrowsMessage<Error>(HasSubstr("no value 'tracker'")));
    EXPECT_THAT([&] { group.integer("scale"); },
                ThrowsMessage<Error>(HasSubstr("'scale' is not an integer")));
}

/// No byte of a checkpoint can change without being found.
TEST(CheckpointCorruption, IsFoundAtEveryByte) {
    TempDir const dir;
    TrainState state;
    state.model = {{"w", random_floats({3}, 1)}};
    state.exp_avg = {{"w", random_floats({3}, 2)}};
    std::filesystem::path const path = dir / "a.h5";
    write_checkpoint(path, state);
    std::vector<std::byte> const good = read_file(path);
    FileDescriptor const file(::open(path.c_str(), O_WRONLY));
    auto const put = [&](std::byte byte, std::size_t offset) {
        ASSERT_EQ(::pwrite(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    };
    std::size_t num_cases = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (std::byte const bad :
             {good[i] ^ std::byte{0x01}, good[i] ^ std::byte{0x80}, std::byte{0}, std::byte{0xFF}}) {
            if (bad == good[i]) {
                continue;
            }
            put(bad, i);
            EXPECT_THROW(read_checkpoint(path), Error)
                << "byte " << i << " set to " << std::to_integer<int>(bad);
            ++num_cases;
        }
        put(good[i], i);
    }
    EXPECT_GE(num_cases, 3 * good.size());
    EXPECT_NO_THROW(read_checkpoint(path));
}

TEST(CheckpointCorruption, IsFoundAtEveryLength) {
    TempDir const dir;
    std::filesystem::path const path = dir / "a.h5";
    write_checkpoint(path, example_state(1));
    for (auto size = std::filesystem::file_size(path); size-- > 0;) {
        std::filesystem::resize_file(path, size);
        EXPECT_THROW(read_checkpoint(path), Error) << size;
    }
}

}  // namespace
}  // namespace ctclip
