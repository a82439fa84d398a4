#include "checkpoint/pickle_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using Kind = PickleValue::Kind;

/// Knows one call: `m.f(...)` gives None.
class TinyMeaning : public PickleMeaning {
  public:
    std::string_view find_global(std::string_view name) override {
        require(name == "m.f", ExitCode::kBadInput, "GLOBAL not allowed");
        return "m.f";
    }
    Id reduce(PickleArena& arena, Id, Id) override { return arena.add({}); }
    void build(PickleArena&, Id, Id) override {}
    Id load_persistent(PickleArena& arena, Id) override { return arena.add({}); }
};

PickleValue read(std::string const& body, PickleArena& arena) {
    std::string const pickle = "\x80\x02" + body;
    TinyMeaning meaning;
    return arena[read_pickle(std::as_bytes(std::span(pickle)), meaning, arena, "x.pt")];
}

PickleValue read(std::string const& body) {
    PickleArena arena;
    return read(body, arena);
}

std::string repeat(std::string const& text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
        all += text;
    }
    return all;
}

TEST(PickleMachine, ReadsPlainValues) {
    EXPECT_EQ(read("K\x07.").integer, 7);
    EXPECT_EQ(read(std::string("J\xFE\xFF\xFF\xFF.", 6)).integer, -2);
    EXPECT_EQ(read(std::string("\x8a\x02\x00\x80.", 5)).integer, -32768);
    EXPECT_EQ(read(std::string("\x8a\x00.", 3)).integer, 0);
    EXPECT_EQ(read("\x8a\x09"
                   "123456789.")
                  .kind,
              Kind::kBigInteger);
    EXPECT_EQ(read("\x88.").integer, 1);
    EXPECT_EQ(read("N.").kind, Kind::kNone);
    EXPECT_EQ(read("K\x01K\x02\x86.").items.size(), 2U);
    EXPECT_EQ(read("cm\nf\n)R.").kind, Kind::kNone);
}

TEST(PickleMachine, RefusesDeepNestingWithoutRecursion) {
    for (std::size_t const depth : {2'000UL, 200'000UL}) {
        for (auto const& [open, close] : {std::pair("]", "a"), std::pair(")", "\x85")}) {
            std::string const body =
                repeat(open, 1) +
                (std::string(open) == "]" ? repeat("]", depth) + repeat("a", depth) : repeat(close, depth));
            EXPECT_THAT([&] { read(body + "."); },
                        ThrowsMessage<Error>(HasSubstr("nesting deeper than the limit")));
        }
    }
    EXPECT_THAT([&] { read(repeat("(", 2000) + "."); }, ThrowsMessage<Error>(HasSubstr("nesting deeper")));
    EXPECT_NO_THROW(read(repeat("]", 900) + repeat("a", 899) + "."));
}

TEST(PickleMachine, NeverExpandsSharedValues) {
    // 40 levels, each a list of two references to the level below: 2^40 leaves when expanded.
    std::string body = "]q" + std::string(1, '\0');
    for (char level = 1; level <= 40; ++level) {
        char const below = static_cast<char>(level - 1);
        body += std::string("](h") + below + "h" + below + "eq" + level;
    }
    // Levels stay on the stack; the last one is the root of a tuple of all.
    PickleArena arena;
    EXPECT_EQ(read("(" + body + "t.", arena).items.size(), 41U);
    EXPECT_LT(arena.size(), 100U);
}

TEST(PickleMachine, RefusesCycles) {
    EXPECT_THAT([] { read(std::string("]q\0h\0a.", 7)); }, ThrowsMessage<Error>(HasSubstr("cyclic")));
    EXPECT_THAT([] { read(std::string("}q\0X\1\0\0\0ah\0s.", 13)); },
                ThrowsMessage<Error>(HasSubstr("cyclic")));
}

TEST(PickleMachine, NamesOpcodeAndPlace) {
    EXPECT_THAT([] { read("N2."); }, ThrowsMessage<Error>(HasSubstr("opcode DUP is not allowed (at byte 3")));
    EXPECT_THAT([] { read("\x81."); }, ThrowsMessage<Error>(HasSubstr("opcode NEWOBJ is not allowed")));
    EXPECT_THAT([] { read("NN."); }, ThrowsMessage<Error>(HasSubstr("more than one value")));
    EXPECT_THAT([] { read("N.N"); }, ThrowsMessage<Error>(HasSubstr("bytes after STOP")));
    EXPECT_THAT([] { read("N"); }, ThrowsMessage<Error>(HasSubstr("without STOP")));
    EXPECT_THAT([] { read("(Na."); }, ThrowsMessage<Error>(HasSubstr("stack underflow")));
    EXPECT_THAT([] { read("cos\nsystem\n)R."); }, ThrowsMessage<Error>(HasSubstr("GLOBAL not allowed")));
}

/// Whatever the bytes, the answer is a value or an Error: never a crash, a hang or a call.
TEST(PickleMachine, SurvivesRandomPickles) {
    constexpr std::string_view kCodes = "(.JKMNQRXabcehjqrstu)]}GBC\x85\x86\x87\x88\x89\x8a\x8c\x93\x94\x95";
    std::size_t num_values = 0;
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        std::string body;
        for (std::uint64_t i = 0; i < 1 + splitmix64(seed, 0) % 24; ++i) {
            std::uint64_t const random = splitmix64(seed, i + 1);
            body += random % 4 == 0 ? static_cast<char>(random >> 32) : kCodes[(random >> 8) % kCodes.size()];
        }
        try {
            read(body + ".");
            ++num_values;
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::kBadInput);
        }
    }
    EXPECT_GT(num_values, 20U);
}

}  // namespace
}  // namespace ctclip
