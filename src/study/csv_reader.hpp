/// CSV by RFC 4180, row by row, from files nobody vouches for.
///
/// Rows end with LF, CRLF or CR; blank lines are skipped; a quoted cell may hold commas, doubled quotes and
/// line ends, which are kept as they are. A quote inside an unquoted cell is text (as for pandas). A UTF-8
/// BOM is dropped. Refused: text that is not UTF-8, NUL, text behind a closing quote, a quote that is never
/// closed, rows longer or shorter than the header, rows above 16 MiB, more than 4096 columns, files above 1
/// GiB. Memory: 32 MiB and a row, however long the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

class CsvReader {
  public:
    /// Reads the header. @throws Error kBadInput (path, line), kIoError, kNoPermission.
    explicit CsvReader(std::filesystem::path path);

    std::vector<std::string> const& header() const { return header_; }

    /// Advances to the next row; false at the end. @throws Error kBadInput (path, line; never cell text).
    bool next();
    /// The current row, one cell per column of the header.
    std::vector<std::string> const& cells() const { return cells_; }
    /// Where the current row starts: its line in the file, from 1.
    std::size_t line() const { return row_line_; }

    /// The only column of that name. @throws Error kBadInput if it is missing (lists what is there) or there
    /// twice.
    std::size_t column(std::string_view name) const;

    /// @throws Error kBadInput "<path>: line <n>, column '<name>': <problem>" about the current row.
    [[noreturn]] void refuse(std::size_t column, std::string const& problem) const;

    std::filesystem::path const& path() const { return path_; }

  private:
    /// Afterwards the window holds, from position_ on, the longest row that is accepted, or all the rest.
    void fill_window();
    void check_new_text();
    bool read_row(std::vector<std::string>& cells);
    void skip_blank_lines();
    void read_cell(std::string& cell);
    void read_quoted(std::string& cell);
    void append_lines(std::string& cell, std::size_t end);  ///< content up to `end`, counting its lines
    bool skip_line_end();                                   ///< false if there is none
    bool is_at_end() const { return position_ == window_.size(); }
    void check_row_size() const;
    [[noreturn]] void refuse_line(std::size_t line, std::string const& problem) const;

    std::filesystem::path path_;
    FileDescriptor file_;
    std::uint64_t size_bytes_;
    std::uint64_t window_offset_ = 0;  ///< in the file
    std::string window_;
    std::size_t num_checked_ = 0;  ///< bytes of the window that are text
    std::size_t position_ = 0;     ///< in the window, as row_start_
    std::size_t line_ = 1;
    std::size_t row_line_ = 1;
    std::size_t row_start_ = 0;
    std::vector<std::string> header_;
    std::vector<std::string> cells_;
};

}  // namespace ctclip
