#include "study/csv_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace ctclip {

namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;
constexpr std::size_t kMaxRowBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxColumns = 4096;
constexpr std::string_view kBom = "\xEF\xBB\xBF";

void check_text(std::string_view content, std::filesystem::path const& path) {
    std::size_t const invalid = invalid_utf8_offset(content);
    require(invalid == std::string_view::npos, ExitCode::kBadInput,
            "{}: byte {} is not UTF-8. Save the file as UTF-8.", path.string(), invalid);
    std::size_t const nul = content.find('\0');
    require(nul == std::string_view::npos, ExitCode::kBadInput, "{}: byte {} is NUL, which no text holds",
            path.string(), nul);
}

}  // namespace

CsvReader::CsvReader(std::filesystem::path path)
    : path_(std::move(path)), content_(read_text_file(path_, kMaxFileBytes)) {
    check_text(content_, path_);
    position_ = content_.starts_with(kBom) ? kBom.size() : 0;
    require(read_row(header_), ExitCode::kBadInput, "{}: the file is empty; a header row is needed",
            path_.string());
}

bool CsvReader::next() {
    if (!read_row(cells_)) {
        return false;
    }
    if (cells_.size() != header_.size()) {
        refuse_line(row_line_, fmt::format("{} cells, the header has {}", cells_.size(), header_.size()));
    }
    return true;
}

std::size_t CsvReader::column(std::string_view name) const {
    auto const found = std::find(header_.begin(), header_.end(), name);
    if (found == header_.end()) {
        std::vector<std::string> names(header_.begin(),
                                       header_.begin() + std::min<std::ptrdiff_t>(std::ssize(header_), 32));
        std::transform(names.begin(), names.end(), names.begin(),
                       [](std::string const& text) { return printable(text); });
        fail(ExitCode::kBadInput, "{}: no column '{}'; the header has: {}", path_.string(), name,
             fmt::join(names, ", "));
    }
    require(std::find(found + 1, header_.end(), name) == header_.end(), ExitCode::kBadInput,
            "{}: column '{}' is there twice", path_.string(), name);
    return static_cast<std::size_t>(found - header_.begin());
}

void CsvReader::refuse(std::size_t column, std::string const& problem) const {
    refuse_line(row_line_, fmt::format("column '{}': {}", printable(header_[column]), problem));
}

void CsvReader::refuse_line(std::size_t line, std::string const& problem) const {
    fail(ExitCode::kBadInput, "{}: line {}, {}", path_.string(), line, problem);
}

bool CsvReader::read_row(std::vector<std::string>& cells) {
    cells.clear();
    skip_blank_lines();
    if (is_at_end()) {
        return false;
    }
    row_line_ = line_;
    row_start_ = position_;
    while (true) {
        if (cells.size() == kMaxColumns) {
            refuse_line(row_line_, fmt::format("more than {} columns", kMaxColumns));
        }
        read_cell(cells.emplace_back());
        if (is_at_end() || skip_line_end()) {
            return true;
        }
        ++position_;  // the comma
    }
}

void CsvReader::skip_blank_lines() {
    while (!is_at_end()) {
        std::size_t const line_start = position_;
        position_ = std::min(content_.find_first_not_of(" \t", position_), content_.size());
        if (!is_at_end() && !skip_line_end()) {
            position_ = line_start;  // blanks that belong to the first cell
            return;
        }
    }
}

void CsvReader::read_cell(std::string& cell) {
    if (!is_at_end() && content_[position_] == '"') {
        read_quoted(cell);
        return;
    }
    std::size_t const end = std::min(content_.find_first_of(",\r\n", position_), content_.size());
    cell.assign(content_, position_, end - position_);
    position_ = end;
    check_row_size();
}

void CsvReader::read_quoted(std::string& cell) {
    std::size_t const first_line = line_;
    ++position_;
    while (true) {
        std::size_t const end = content_.find('"', position_);
        if (end == std::string::npos) {
            refuse_line(first_line, "a quote that is never closed");
        }
        append_lines(cell, end);
        check_row_size();
        position_ = end + 1;
        if (is_at_end() || content_[position_] != '"') {
            break;
        }
        cell += '"';
        ++position_;
    }
    if (!is_at_end() && std::string_view(",\r\n").find(content_[position_]) == std::string_view::npos) {
        refuse_line(line_, "text behind a closing quote (inside a quoted cell a quote is written twice)");
    }
}

void CsvReader::append_lines(std::string& cell, std::size_t end) {
    std::string_view const text = std::string_view(content_).substr(position_, end - position_);
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const is_crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
        line_ += (text[i] == '\n' || text[i] == '\r') && !is_crlf ? 1 : 0;
    }
    cell += text;
}

bool CsvReader::skip_line_end() {
    char const c = content_[position_];
    if (c != '\n' && c != '\r') {
        return false;
    }
    bool const is_crlf = c == '\r' && position_ + 1 < content_.size() && content_[position_ + 1] == '\n';
    position_ += is_crlf ? 2 : 1;
    ++line_;
    return true;
}

void CsvReader::check_row_size() const {
    if (position_ - row_start_ > kMaxRowBytes) {
        refuse_line(row_line_, fmt::format("a row of more than {} bytes", kMaxRowBytes));
    }
}

}  // namespace ctclip
