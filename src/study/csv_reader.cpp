#include "study/csv_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace ctclip {

namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;
constexpr std::size_t kMaxRowBytes = std::size_t{16} << 20;
constexpr std::size_t kWindowBytes = 2 * kMaxRowBytes;
constexpr std::size_t kMaxUtf8Bytes = 4;
/// Behind a row: its line end, and a character at the end of the window that is not whole yet.
constexpr std::size_t kSlackBytes = 2 + kMaxUtf8Bytes;
constexpr std::size_t kMaxColumns = 4096;
constexpr std::string_view kBom = "\xEF\xBB\xBF";

}  // namespace

CsvReader::CsvReader(std::filesystem::path path)
    : path_(std::move(path)), file_(open_for_reading(path_)), size_bytes_(file_size_bytes(file_, path_)) {
    require(size_bytes_ <= kMaxFileBytes, ExitCode::kBadInput, "{}: {} bytes, at most {} are accepted here",
            path_.string(), size_bytes_, kMaxFileBytes);
    fill_window();
    position_ = window_.starts_with(kBom) ? kBom.size() : 0;
    require(read_row(header_), ExitCode::kBadInput, "{}: the file is empty; a header row is needed",
            path_.string());
}

void CsvReader::fill_window() {
    std::uint64_t const unread_bytes = size_bytes_ - window_offset_ - window_.size();
    if (unread_bytes == 0 || window_.size() - position_ >= kMaxRowBytes + kSlackBytes) {
        return;
    }
    window_.erase(0, position_);
    window_offset_ += position_;
    num_checked_ -= position_;
    position_ = 0;
    std::size_t const num_kept = window_.size();
    window_.resize(num_kept + std::min<std::uint64_t>(unread_bytes, kWindowBytes - num_kept));
    read_exactly(file_, path_, window_offset_ + num_kept, std::as_writable_bytes(std::span(window_).subspan(num_kept)));
    check_new_text();
}

void CsvReader::check_new_text() {
    std::string_view const text = std::string_view(window_).substr(num_checked_);
    std::size_t const nul = text.find('\0');
    std::size_t const invalid = invalid_utf8_offset(text);
    bool const is_whole_file = window_offset_ + window_.size() == size_bytes_;
    bool const may_go_on = !is_whole_file && text.size() - std::min(invalid, text.size()) < kMaxUtf8Bytes;
    require(invalid == std::string_view::npos || may_go_on, ExitCode::kBadInput,
            "{}: byte {} is not UTF-8. Save the file as UTF-8.", path_.string(),
            window_offset_ + num_checked_ + invalid);
    require(nul == std::string_view::npos, ExitCode::kBadInput, "{}: byte {} is NUL, which no text holds",
            path_.string(), window_offset_ + num_checked_ + nul);
    num_checked_ += std::min(invalid, text.size());
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
        // The names that are there stay untold: without a header they would be a patient's report.
        fail(ExitCode::kBadInput, "{}: no column '{}' among the {} of its first line, which must name them",
             path_.string(), name, header_.size());
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
    for (fill_window(); !is_at_end(); fill_window()) {
        row_line_ = line_;
        row_start_ = position_;
        position_ = std::min(window_.find_first_not_of(" \t", position_), window_.size());
        check_row_size();
        if (!is_at_end() && !skip_line_end()) {
            position_ = row_start_;  // blanks that belong to the first cell
            return;
        }
    }
}

void CsvReader::read_cell(std::string& cell) {
    if (!is_at_end() && window_[position_] == '"') {
        read_quoted(cell);
        return;
    }
    std::size_t const end = std::min(window_.find_first_of(",\r\n", position_), window_.size());
    cell.assign(window_, position_, end - position_);
    position_ = end;
    check_row_size();
}

void CsvReader::read_quoted(std::string& cell) {
    std::size_t const first_line = line_;
    ++position_;
    while (true) {
        std::size_t const end = window_.find('"', position_);
        if (end == std::string::npos) {
            position_ = window_.size();
            check_row_size();
            refuse_line(first_line, "a quote that is never closed");
        }
        append_lines(cell, end);
        check_row_size();
        position_ = end + 1;
        if (is_at_end() || window_[position_] != '"') {
            break;
        }
        cell += '"';
        ++position_;
    }
    if (!is_at_end() && std::string_view(",\r\n").find(window_[position_]) == std::string_view::npos) {
        refuse_line(line_, "text behind a closing quote (inside a quoted cell a quote is written twice)");
    }
}

void CsvReader::append_lines(std::string& cell, std::size_t end) {
    std::string_view const text = std::string_view(window_).substr(position_, end - position_);
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const is_crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
        line_ += (text[i] == '\n' || text[i] == '\r') && !is_crlf ? 1 : 0;
    }
    cell += text;
}

bool CsvReader::skip_line_end() {
    char const c = window_[position_];
    if (c != '\n' && c != '\r') {
        return false;
    }
    bool const is_crlf = c == '\r' && position_ + 1 < window_.size() && window_[position_ + 1] == '\n';
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
