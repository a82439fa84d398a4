#include "study/spacing.hpp"

#include <locale.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace ctclip {

namespace {

constexpr std::string_view kBlanks = " \t\n\r\f\v";

std::string_view strip(std::string_view text, std::string_view characters) {
    std::size_t const first = text.find_first_not_of(characters);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(characters) - first + 1);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Walks over one number, collecting it without its underscores.
class FloatScanner {
  public:
    explicit FloatScanner(std::string_view text) : text_(text) {}

    /// The number as strtod understands it; empty unless all of the text is one.
    std::string scan() {
        if (is_next("+-")) {
            take();
        }
        if (take_word("infinity") || take_word("inf") || take_word("nan")) {
            return is_at_end() ? plain_ : std::string();
        }
        bool has_digits = take_digits();
        if (is_next(".")) {
            take();
            has_digits = take_digits() || has_digits;
        }
        if (has_digits && is_next("eE")) {
            take();
            if (is_next("+-")) {
                take();
            }
            has_digits = take_digits();
        }
        return has_digits && is_at_end() ? plain_ : std::string();
    }

  private:
    bool is_at_end() const { return position_ == text_.size(); }
    bool is_next(std::string_view characters) const {
        return !is_at_end() && characters.find(text_[position_]) != std::string_view::npos;
    }
    void take() { plain_ += text_[position_++]; }

    bool take_word(std::string_view word) {
        std::string_view const here = text_.substr(position_, word.size());
        bool const is_there =
            std::equal(here.begin(), here.end(), word.begin(), word.end(), [](char a, char b) {
                return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
            });
        if (is_there) {
            plain_ += word;
            position_ += word.size();
        }
        return is_there;
    }

    /// Digits with single underscores between them (PEP 515).
    bool take_digits() {
        std::size_t const first = position_;
        while (!is_at_end()) {
            bool const is_separator = text_[position_] == '_' && position_ > first &&
                                      is_digit(text_[position_ - 1]) && position_ + 1 < text_.size() &&
                                      is_digit(text_[position_ + 1]);
            if (is_separator) {
                ++position_;
            } else if (is_digit(text_[position_])) {
                take();
            } else {
                break;
            }
        }
        return position_ > first;
    }

    std::string_view text_;
    std::size_t position_ = 0;
    std::string plain_;
};

}  // namespace

std::optional<double> parse_python_float(std::string_view text) {
    std::string const plain = FloatScanner(strip(text, kBlanks)).scan();
    if (plain.empty()) {
        return std::nullopt;
    }
    // Correctly rounded and, with its own locale, the same under every LC_NUMERIC.
    static locale_t const c_locale = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return ::strtod_l(plain.c_str(), nullptr, c_locale);
}

std::optional<double> parse_xy_spacing_mm(std::string_view text) {
    std::string_view const numbers = strip(text, "[]");
    return parse_python_float(numbers.substr(0, numbers.find(',')));
}

}  // namespace ctclip
