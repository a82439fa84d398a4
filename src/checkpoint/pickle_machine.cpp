#include "checkpoint/pickle_machine.hpp"

#include <cstring>
#include <unordered_map>

#include "base/error.hpp"

namespace ctclip {
namespace {

using Kind = PickleValue::Kind;
using Id = PickleValue::Id;

constexpr std::size_t kMaxDepth = 1000;  // real files have less than 20

enum Opcode : unsigned char {
    kMark = '(',
    kStop = '.',
    kBinInt = 'J',
    kBinInt1 = 'K',
    kBinInt2 = 'M',
    kNone = 'N',
    kBinPersid = 'Q',
    kReduce = 'R',
    kBinUnicode = 'X',
    kAppend = 'a',
    kBuild = 'b',
    kGlobal = 'c',
    kAppends = 'e',
    kBinGet = 'h',
    kLongBinGet = 'j',
    kBinPut = 'q',
    kLongBinPut = 'r',
    kSetItem = 's',
    kTuple = 't',
    kSetItems = 'u',
    kEmptyTuple = ')',
    kEmptyList = ']',
    kEmptyDict = '}',
    kBinFloat = 'G',
    kBinBytes = 'B',
    kShortBinBytes = 'C',
    kProto = 0x80,
    kTuple1 = 0x85,
    kTuple2 = 0x86,
    kTuple3 = 0x87,
    kNewTrue = 0x88,
    kNewFalse = 0x89,
    kLong1 = 0x8a,
    kLong4 = 0x8b,
    kShortBinUnicode = 0x8c,
    kBinUnicode8 = 0x8d,
    kBinBytes8 = 0x8e,
    kStackGlobal = 0x93,
    kMemoize = 0x94,
    kFrame = 0x95,
};

/// The opcodes that exist but are refused, by name, for the message.
std::string opcode_name(unsigned char code) {
    static std::unordered_map<unsigned char, char const*> const kRefused = {
        {'0', "POP"},          {'1', "POP_MARK"},
        {'2', "DUP"},          {'F', "FLOAT"},
        {'I', "INT"},          {'L', "LONG"},
        {'P', "PERSID"},       {'S', "STRING"},
        {'T', "BINSTRING"},    {'U', "SHORT_BINSTRING"},
        {'V', "UNICODE"},      {'d', "DICT"},
        {'g', "GET"},          {'i', "INST"},
        {'l', "LIST"},         {'o', "OBJ"},
        {'p', "PUT"},          {0x81, "NEWOBJ"},
        {0x82, "EXT1"},        {0x83, "EXT2"},
        {0x84, "EXT4"},        {0x8f, "EMPTY_SET"},
        {0x90, "ADDITEMS"},    {0x91, "FROZENSET"},
        {0x92, "NEWOBJ_EX"},   {0x96, "BYTEARRAY8"},
        {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"}};
    auto const found = kRefused.find(code);
    return found == kRefused.end() ? fmt::format("0x{:02x} (unknown)", code) : std::string(found->second);
}

class Machine {
  public:
    Machine(std::span<std::byte const> pickle, PickleMeaning& meaning, PickleArena& arena,
            std::string const& what)
        : pickle_(pickle), meaning_(meaning), arena_(arena), what_(what) {}

    Id run() {
        check(!pickle_.empty(), "data.pkl is empty");
        check(take_code() == kProto,
              "the pickle does not begin with PROTO (protocol 0 and 1 are not supported)");
        auto const protocol = take<std::uint8_t>();
        check(2 <= protocol && protocol <= 5, fmt::format("pickle protocol {} is not supported", protocol));
        while (!is_stopped_) {
            opcode_offset_ = position_;
            step(take_code());
        }
        check(position_ == pickle_.size(), "bytes after STOP");
        check(!stack_.empty(), "stack is empty at STOP");
        check(stack_.size() == 1 && marks_.empty(), "more than one value on the stack at STOP");
        arena_.check_depth(stack_.front(), kMaxDepth, what_);
        return stack_.front();
    }

  private:
    void check(bool condition, std::string_view problem) const {
        if (!condition) {
            fail(ExitCode::kBadInput, "{}: {} (at byte {} of data.pkl)", what_, problem, opcode_offset_);
        }
    }

    // --- Bytes ---
    std::string_view take_text(std::uint64_t count) {
        check(count <= pickle_.size() - position_,
              fmt::format("{} bytes are announced, the pickle ends early", count));
        std::string_view const text(reinterpret_cast<char const*>(pickle_.data()) + position_, count);
        position_ += count;
        return text;
    }
    template <class T>
    T take() {
        T value{};
        std::memcpy(&value, take_text(sizeof value).data(), sizeof value);
        return value;
    }
    unsigned char take_code() {
        check(position_ < pickle_.size(), "the pickle ends without STOP");
        return take<unsigned char>();
    }
    std::string_view take_line() {
        std::string_view const rest(reinterpret_cast<char const*>(pickle_.data()) + position_,
                                    pickle_.size() - position_);
        std::size_t const end = rest.find('\n');
        check(end != rest.npos, "the pickle ends inside GLOBAL");
        position_ += end + 1;
        return rest.substr(0, end);
    }

    // --- Stack ---
    void push(PickleValue value) { stack_.push_back(arena_.add(std::move(value))); }
    void push_text(Kind kind, std::string_view text) { push({kind, 0, text, {}}); }
    void push_integer(Kind kind, std::int64_t integer) { push({kind, integer, {}, {}}); }

    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    Id top() const {
        check(stack_.size() > floor(), "stack underflow");
        return stack_.back();
    }
    Id pop() {
        Id const id = top();
        stack_.pop_back();
        return id;
    }
    std::vector<Id> pop_to_mark() {
        check(!marks_.empty(), "there is no MARK");
        std::vector<Id> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
        stack_.resize(marks_.back());
        marks_.pop_back();
        return items;
    }

    // --- Opcodes ---
    void step(unsigned char code);
    void push_tuple(std::size_t count) {
        check(stack_.size() - floor() >= count, "stack underflow");
        auto const first = stack_.end() - static_cast<std::ptrdiff_t>(count);
        std::vector<Id> items(first, stack_.end());
        stack_.erase(first, stack_.end());
        push({Kind::kTuple, 0, {}, std::move(items)});
    }
    void push_long(std::string_view bytes) {
        // Two's complement, little-endian; an empty one is 0.
        if (bytes.size() > 8) {
            push({Kind::kBigInteger, 0, {}, {}});
            return;
        }
        bool const is_negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
        std::int64_t value = is_negative ? -1 : 0;
        std::memcpy(&value, bytes.data(), bytes.size());
        push_integer(Kind::kInteger, value);
    }
    void push_global(std::string_view module, std::string_view name) {
        push_text(Kind::kGlobal, meaning_.find_global(fmt::format("{}.{}", module, name)));
    }
    void stack_global() {
        PickleValue const& name = arena_[pop()];
        PickleValue const& module = arena_[pop()];
        check(name.kind == Kind::kString && module.kind == Kind::kString, "STACK_GLOBAL needs two strings");
        push_global(module.text, name.text);
    }
    void append(std::vector<Id> const& items) {
        PickleValue& list = arena_[top()];
        check(list.kind == Kind::kList, fmt::format("APPEND on {}", kind_name(list.kind)));
        list.items.insert(list.items.end(), items.begin(), items.end());
    }
    void set_items(std::vector<Id> const& items) {
        PickleValue& dict = arena_[top()];
        check(dict.kind == Kind::kDict || dict.kind == Kind::kOrderedDict,
              fmt::format("SETITEM on {}", kind_name(dict.kind)));
        check(items.size() % 2 == 0, "SETITEMS with an odd number of items");
        for (std::size_t i = 0; i < items.size(); i += 2) {
            Kind const kind = arena_[items[i]].kind;
            check(kind == Kind::kString || kind == Kind::kInteger,
                  fmt::format("dict key is not a string but {}", kind_name(kind)));
        }
        dict.items.insert(dict.items.end(), items.begin(), items.end());
    }
    void put(std::uint64_t index) {
        check(index <= pickle_.size(), fmt::format("memo index {} is larger than the pickle itself", index));
        memo_[index] = top();
    }
    void get(std::uint64_t index) {
        auto const found = memo_.find(index);
        check(found != memo_.end(), fmt::format("BINGET of undefined memo {}", index));
        stack_.push_back(found->second);
    }

    std::span<std::byte const> pickle_;
    PickleMeaning& meaning_;
    PickleArena& arena_;
    std::string const& what_;
    std::size_t position_ = 0;
    std::size_t opcode_offset_ = 0;
    bool is_stopped_ = false;
    std::vector<Id> stack_;
    std::vector<std::size_t> marks_;  ///< stack sizes at MARK
    std::unordered_map<std::uint64_t, Id> memo_;
};

void Machine::step(unsigned char code) {
    switch (code) {
        case kStop:
            is_stopped_ = true;
            return;
        case kFrame: {  // a buffering hint; only its bounds matter
            auto const length = take<std::uint64_t>();
            check(length <= pickle_.size() - position_, "FRAME length runs past the end");
            return;
        }
        case kMark:
            check(marks_.size() < kMaxDepth, fmt::format("nesting deeper than the limit of {}", kMaxDepth));
            marks_.push_back(stack_.size());
            return;
        case kNone:
            return push({});
        case kNewTrue:
        case kNewFalse:
            return push_integer(Kind::kBool, code == kNewTrue);
        case kBinInt:
            return push_integer(Kind::kInteger, take<std::int32_t>());
        case kBinInt1:
            return push_integer(Kind::kInteger, take<std::uint8_t>());
        case kBinInt2:
            return push_integer(Kind::kInteger, take<std::uint16_t>());
        case kLong1:
            return push_long(take_text(take<std::uint8_t>()));
        case kLong4: {
            auto const length = take<std::int32_t>();
            check(length >= 0, "LONG4 length is negative");
            return push_long(take_text(static_cast<std::uint64_t>(length)));
        }
        case kBinFloat:
            take<std::uint64_t>();
            return push({Kind::kReal, 0, {}, {}});
        case kShortBinUnicode:
            return push_text(Kind::kString, take_text(take<std::uint8_t>()));
        case kBinUnicode:
            return push_text(Kind::kString, take_text(take<std::uint32_t>()));
        case kBinUnicode8:
            return push_text(Kind::kString, take_text(take<std::uint64_t>()));
        case kShortBinBytes:
            return push_text(Kind::kBytes, take_text(take<std::uint8_t>()));
        case kBinBytes:
            return push_text(Kind::kBytes, take_text(take<std::uint32_t>()));
        case kBinBytes8:
            return push_text(Kind::kBytes, take_text(take<std::uint64_t>()));
        case kEmptyTuple:
        case kTuple1:
        case kTuple2:
        case kTuple3:
            return push_tuple(code == kEmptyTuple ? 0 : code - kTuple1 + 1U);
        case kTuple:
            return push({Kind::kTuple, 0, {}, pop_to_mark()});
        case kEmptyList:
            return push({Kind::kList, 0, {}, {}});
        case kAppend:
            return append({pop()});
        case kAppends:
            return append(pop_to_mark());
        case kEmptyDict:
            return push({Kind::kDict, 0, {}, {}});
        case kSetItem: {
            Id const value = pop();
            Id const key = pop();
            return set_items({key, value});
        }
        case kSetItems:
            return set_items(pop_to_mark());
        case kBinPut:
            return put(take<std::uint8_t>());
        case kLongBinPut:
            return put(take<std::uint32_t>());
        case kMemoize:
            return put(memo_.size());
        case kBinGet:
            return get(take<std::uint8_t>());
        case kLongBinGet:
            return get(take<std::uint32_t>());
        case kGlobal: {
            std::string_view const module = take_line();
            return push_global(module, take_line());
        }
        case kStackGlobal:
            return stack_global();
        case kReduce: {
            Id const args = pop();
            Id const callable = pop();
            check(arena_[callable].kind == Kind::kGlobal,
                  fmt::format("REDUCE on {}, not on an allowed GLOBAL", kind_name(arena_[callable].kind)));
            check(arena_[args].kind == Kind::kTuple, "the arguments of REDUCE are not a tuple");
            stack_.push_back(meaning_.reduce(arena_, callable, args));
            return;
        }
        case kBuild: {
            Id const state = pop();
            return meaning_.build(arena_, top(), state);
        }
        case kBinPersid: {
            Id const pid = pop();
            stack_.push_back(meaning_.load_persistent(arena_, pid));
            return;
        }
        default:
            check(false, fmt::format("opcode {} is not allowed", opcode_name(code)));
    }
}

}  // namespace

PickleValue::Id read_pickle(std::span<std::byte const> pickle, PickleMeaning& meaning, PickleArena& arena,
                            std::string const& what) {
    return Machine(pickle, meaning, arena, what).run();
}

}  // namespace ctclip
