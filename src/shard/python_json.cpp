#include "shard/python_json.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace ctclip {
namespace {

/// Significant digits without a point ("123"), and the decimal exponent of the first one.
struct Decimal {
    std::string digits;
    int exponent = 0;
};

Decimal shortest_decimal(double magnitude) {
    std::array<char, 32> text{};
    auto const end =
        std::to_chars(text.data(), text.data() + text.size(), magnitude, std::chars_format::scientific).ptr;
    std::string_view const scientific(text.data(), end);
    std::size_t const e = scientific.find('e');
    Decimal decimal;
    decimal.digits = scientific.substr(0, 1);
    if (e > 2) {
        decimal.digits += scientific.substr(2, e - 2);
    }
    std::size_t const exponent_start = e + (scientific[e + 1] == '+' ? 2 : 1);
    std::from_chars(scientific.data() + exponent_start, scientific.data() + scientific.size(),
                    decimal.exponent);
    return decimal;
}

std::string positional(Decimal decimal) {
    int const num_digits = static_cast<int>(decimal.digits.size());
    if (decimal.exponent < 0) {
        return "0." + std::string(static_cast<std::size_t>(-decimal.exponent - 1), '0') + decimal.digits;
    }
    int const num_integer_digits = decimal.exponent + 1;
    if (num_digits <= num_integer_digits) {
        return decimal.digits + std::string(static_cast<std::size_t>(num_integer_digits - num_digits), '0') +
               ".0";
    }
    return decimal.digits.insert(static_cast<std::size_t>(num_integer_digits), ".");
}

std::string scientific(Decimal decimal) {
    if (decimal.digits.size() > 1) {
        decimal.digits.insert(1, ".");
    }
    return fmt::format("{}e{}{:02}", decimal.digits, decimal.exponent < 0 ? '-' : '+',
                       std::abs(decimal.exponent));
}

}  // namespace

std::string python_number(double value) {
    CTCLIP_EXPECT(std::isfinite(value));
    Decimal const decimal = shortest_decimal(std::abs(value));
    bool const is_positional = decimal.exponent >= -4 && decimal.exponent < 16;
    return (std::signbit(value) ? "-" : "") + (is_positional ? positional(decimal) : scientific(decimal));
}

std::string python_string(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace ctclip
