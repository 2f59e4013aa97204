#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/random.hpp>
#include <luban/core/sha256.hpp>
#include <luban/core/sha256_blocks_impl.hpp>

namespace luban::core {
namespace {

std::string digest(std::string_view text) {
  return Sha256().update(text).hex();
}

// The examples of FIPS 180-4.
TEST(sha256, digests_the_published_examples) {
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha256, does_not_depend_on_how_the_bytes_are_cut) {
  // Lengths on both sides of a block (64) and of the place where the length is written (56).
  for (const std::size_t length : {1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 200}) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + i % 26);
    const std::string whole = digest(text);
    for (const std::size_t piece : {1, 3, 64, 65}) {
      Sha256 cut;
      for (std::size_t at = 0; at < length; at += piece) cut.update(std::string_view(text).substr(at, piece));
      EXPECT_EQ(cut.hex(), whole) << length << " bytes in pieces of " << piece;
    }
  }
}

TEST(sha256, can_be_read_in_between_and_fed_on) {
  Sha256 running;
  running.update("ab");
  EXPECT_EQ(running.hex(), digest("ab"));
  running.update("c");
  EXPECT_EQ(running.hex(), digest("abc"));
}

TEST(sha256, takes_bytes_as_it_takes_text) {
  const std::vector<std::byte> bytes = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  EXPECT_EQ(Sha256().update(bytes).hex(), digest("abc"));
  EXPECT_EQ(Sha256().update(std::vector<std::byte>{}).hex(), digest(""));
}

TEST(sha256, instructions_and_text_agree) {
  if (!sha256_instructions()) GTEST_SKIP() << "this machine has no SHA instructions";
  Generator random = RandomKey(9).generator();
  for (std::size_t blocks = 0; blocks < 40; ++blocks) {
    std::vector<std::uint8_t> bytes(64 * blocks);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    Sha256State plain{};
    for (auto& word : plain) word = static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 32));
    Sha256State native = plain;
    sha256_blocks_plain(plain, bytes.data(), blocks);
    sha256_blocks_native(native, bytes.data(), blocks);
    EXPECT_EQ(plain, native) << blocks << " blocks";
  }
}

}  // namespace
}  // namespace luban::core
