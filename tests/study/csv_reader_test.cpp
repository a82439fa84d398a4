#include "study/csv_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/splitmix64.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

using Rows = std::vector<std::vector<std::string>>;

/// Header and rows.
Rows read(std::string const& content) {
    TempDir const folder;
    std::ofstream(folder / "a.csv", std::ios::binary) << content;
    CsvReader reader(folder / "a.csv");
    Rows rows{reader.header()};
    while (reader.next()) {
        rows.push_back(reader.cells());
    }
    return rows;
}

std::string in_quotes(std::string const& cell) {
    std::string text = "\"";
    for (char const c : cell) {
        text += c == '"' ? "\"\"" : std::string(1, c);
    }
    return text + "\"";
}

}  // namespace

TEST(CsvReader, ReadsQuotesCommasAndLineEndsInsideCells) {
    EXPECT_THAT(read("a,b\r\n\"x,\"\"y\"\"\",\"1\n2\r\n3\"\r\n"),
                ElementsAre(ElementsAre("a", "b"), ElementsAre("x,\"y\"", "1\n2\r\n3")));
}

TEST(CsvReader, TakesEveryLineEndAndSkipsBlankLines) {
    EXPECT_THAT(read("\n \na,b\n\n1,2\r\n\t\r\n3,4\r5,6"),
                ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"), ElementsAre("3", "4"),
                            ElementsAre("5", "6")));
}

TEST(CsvReader, KeepsBlanksQuotesInTheMiddleAndEmptyCells) {
    EXPECT_THAT(
        read("a,b,c\n  x, \"y\" ,5\" nodule\n,\"\",\n"),
        ElementsAre(testing::_, ElementsAre("  x", " \"y\" ", "5\" nodule"), ElementsAre("", "", "")));
}

TEST(CsvReader, CountsLinesInsideQuotes) {
    EXPECT_THAT([] { read("a,b\n\"1\n2\r\n3\r4\",x\n5\n"); },
                ThrowsMessage<Error>(HasSubstr("a.csv: line 6, 1 cells, the header has 2")));
}

TEST(CsvReader, RefusesWhatIsNotCsv) {
    EXPECT_THAT([] { read(""); }, ThrowsMessage<Error>(HasSubstr("the file is empty")));
    EXPECT_THAT([] { read("a,b\n1,\"2\n"); },
                ThrowsMessage<Error>(HasSubstr("line 2, a quote that is never closed")));
    EXPECT_THAT([] { read("a,b\n1,\"2\"3\n"); },
                ThrowsMessage<Error>(HasSubstr("text behind a closing quote")));
    EXPECT_THAT([] { read("a,b\n1,2,3\n"); },
                ThrowsMessage<Error>(HasSubstr("line 2, 3 cells, the header has 2")));
    EXPECT_THAT([] { read(std::string("a,b\n1,\0", 7)); }, ThrowsMessage<Error>(HasSubstr("byte 6 is NUL")));
    EXPECT_THAT([] { read(std::string(5000, ',')); },
                ThrowsMessage<Error>(HasSubstr("more than 4096 columns")));
    EXPECT_THAT([] { read("a\n" + std::string((16U << 20) + 1, 'x')); },
                ThrowsMessage<Error>(HasSubstr("a row of more than 16777216 bytes")));
}

/// Rows, characters, line ends and blank lines lie across the ends of the parts that are read at a time.
TEST(CsvReader, ReadsFilesLongerThanItsMemory) {
    std::string const cell = "\"\xF0\x9F\xAB\x81, line 1\r\nline 2\"";
    for (std::size_t const padding : {0, 1}) {
        std::string content = "a,b" + std::string(padding, ' ') + "\r\n";
        std::size_t num_rows = 0;
        for (; content.size() < (34U << 20); ++num_rows) {
            content += std::string(num_rows % 977, 'x') + "," + cell + "\r\n";
        }
        content += std::string(20U << 20, '\n') + "end\n";
        TempDir const folder;
        std::ofstream(folder / "a.csv", std::ios::binary) << content;
        CsvReader reader(folder / "a.csv");
        for (std::size_t row = 0; row < num_rows; ++row) {
            ASSERT_TRUE(reader.next());
            ASSERT_EQ(reader.cells()[0].size(), row % 977);
            ASSERT_EQ(reader.cells()[1], "\xF0\x9F\xAB\x81, line 1\r\nline 2");
            ASSERT_EQ(reader.line(), 2 + 2 * row);
        }
        std::size_t const line = 2 + 2 * num_rows + (20U << 20);
        EXPECT_THAT([&] { reader.next(); },
                    ThrowsMessage<Error>(HasSubstr("line " + std::to_string(line) + ", 1 cells")));
    }
}

TEST(CsvReader, NamesTheByteFarBehind) {
    std::string content = "a\n";
    while (content.size() < (34U << 20)) {
        content += "\xC3\xBC" + std::string(999, 'x') + "\n";
    }
    EXPECT_THAT([&] { read(content + "\xC3\n"); },
                ThrowsMessage<Error>(HasSubstr("byte " + std::to_string(content.size()) + " is not UTF-8")));
    EXPECT_THAT([&] { read(content + "\xC3"); }, ThrowsMessage<Error>(HasSubstr("is not UTF-8")));
    EXPECT_THAT([&] { read(content + std::string(1, '\0')); },
                ThrowsMessage<Error>(HasSubstr("byte " + std::to_string(content.size()) + " is NUL")));
    EXPECT_THAT([&] { read(content + "\"" + std::string(17U << 20, 'x')); },
                ThrowsMessage<Error>(HasSubstr("a row of more than")));
    EXPECT_THAT([&] { read(content + std::string(17U << 20, ' ')); },
                ThrowsMessage<Error>(HasSubstr("a row of more than")));
}

TEST(CsvReader, WhatIsWrittenIsReadBack) {
    std::vector<std::string> const pieces{",", "\"",       "\n", "\r", "\r\n", " ",
                                          "x", "\xC3\xBC", "'",  ";",  "nan"};
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        std::uint64_t index = 0;
        auto const draw = [&](std::uint64_t bound) { return splitmix64(seed, index++) % bound; };
        Rows rows(1 + draw(6), std::vector<std::string>(1 + draw(5)));
        std::string content;
        for (auto& row : rows) {
            row.resize(rows.front().size());
            for (std::string& cell : row) {
                for (std::uint64_t length = draw(6); length > 0; --length) {
                    cell += pieces[draw(pieces.size())];
                }
                content += in_quotes(cell) + ",";
            }
            content.back() = '\n';
        }
        EXPECT_EQ(read(content), rows) << "seed " << seed;
    }
}

}  // namespace ctclip
