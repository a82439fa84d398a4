#include "base/untrusted_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(UntrustedJson, ReadsWhatIsSound) {
    EXPECT_EQ(parse_untrusted_json(R"({"a": [1, {"b": null}], "c": "é"})", "x.json")["a"][0], 1);
}

TEST(UntrustedJson, RefusesByName) {
    auto const parsing = [](std::string text) { return [text] { parse_untrusted_json(text, "x.json"); }; };
    EXPECT_THAT(parsing(""), ThrowsMessage<Error>(HasSubstr("x.json is not valid JSON")));
    EXPECT_THAT(parsing(R"({"a": 1} trailing)"), ThrowsMessage<Error>(HasSubstr("near byte 12")));
    EXPECT_THAT(parsing(R"({"a": NaN})"), ThrowsMessage<Error>(HasSubstr("not valid JSON")));
    EXPECT_THAT(parsing("{\"a\": \"\xff\"}"), ThrowsMessage<Error>(HasSubstr("not valid JSON")));
    EXPECT_THAT(parsing(std::string("{}\0{", 4)), ThrowsMessage<Error>(HasSubstr("NUL byte")));
    EXPECT_THAT(parsing("{\"a\": 1" + std::string(400, '0') + "}"),
                ThrowsMessage<Error>(HasSubstr("out of range")));
    EXPECT_THAT(parsing(R"({"a": {"b": 1, "b": 2}})"), ThrowsMessage<Error>(HasSubstr(R"("b" twice)")));
    EXPECT_THAT(parsing(std::string(100'000, '[')), ThrowsMessage<Error>(HasSubstr("32 levels")));
}

TEST(UntrustedJson, HandsOutTheElementsOfOneArrayAndKeepsTheRest) {
    std::vector<nlohmann::json> elements;
    ElementSink const sink{"samples", [&](nlohmann::json const& element) { elements.push_back(element); }};
    nlohmann::json const rest = parse_untrusted_json(
        R"({"a": [{"b": 1}], "samples": [{"k": [{"l": 2}]}, {"k": {"samples": [{}]}}, 3], "c": {"samples": [{}]}})",
        "x.json", sink);
    EXPECT_EQ(rest, nlohmann::json::parse(R"({"a": [{"b": 1}], "samples": [3], "c": {"samples": [{}]}})"));
    ASSERT_EQ(elements.size(), 2U);
    EXPECT_EQ(elements[0], nlohmann::json::parse(R"({"k": [{"l": 2}]})"));
    EXPECT_EQ(elements[1], nlohmann::json::parse(R"({"k": {"samples": [{}]}})"));
    EXPECT_THAT([&] { parse_untrusted_json(R"({"samples": [{"k": 1, "k": 2}]})", "x.json", sink); },
                ThrowsMessage<Error>(HasSubstr(R"("k" twice)")));
}

TEST(UntrustedJson, AllowsOneNameInTwoObjects) {
    EXPECT_NO_THROW(parse_untrusted_json(R"({"a": {"b": 1}, "c": {"b": 2}})", "x.json"));
}

}  // namespace
}  // namespace ctclip
