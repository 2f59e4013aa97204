#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/history/detail/codec/deflate.hpp>
#include <luban/history/detail/codec/fletcher32.hpp>
#include <luban/history/detail/codec/huffman.hpp>
#include <luban/history/detail/codec/lz4.hpp>
#include <luban/history/detail/codec/pipeline.hpp>
#include <luban/history/detail/codec/planes.hpp>
#include <luban/history/detail/codec/shuffle.hpp>
#include <luban/history/detail/codec/zstd.hpp>

namespace luban::history::detail {
namespace {

using Bytes = std::vector<std::byte>;

/// Bytes of few values in runs where `plain` is small, of all values where it is 256.
Bytes random_bytes(core::Generator& random, std::size_t size, std::uint64_t plain = 256) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.below(plain));
  return bytes;
}

/// HDF5's text, word by word: fold after 360 words.
std::uint32_t fletcher_reference(const Bytes& bytes) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  std::size_t words = bytes.size() / 2;
  std::size_t i = 0;
  while (words > 0) {
    std::size_t now = std::min<std::size_t>(words, 360);
    words -= now;
    for (; now > 0; --now, i += 2) {
      low += (std::to_integer<std::uint32_t>(bytes[i]) << 8) | std::to_integer<std::uint32_t>(bytes[i + 1]);
      high += low;
    }
    low = (low & 0xffff) + (low >> 16);
    high = (high & 0xffff) + (high >> 16);
  }
  if (bytes.size() % 2 != 0) {
    low += std::to_integer<std::uint32_t>(bytes[i]) << 8;
    high += low;
    low = (low & 0xffff) + (low >> 16);
    high = (high & 0xffff) + (high >> 16);
  }
  low = (low & 0xffff) + (low >> 16);
  high = (high & 0xffff) + (high >> 16);
  return (high << 16) | low;
}

TEST(Codec, TheChecksumIsHdf5sWhateverTheLengthAndTheInstructions) {
  core::Generator random = core::RandomKey(1).generator();
  for (std::size_t length = 0; length < 2100; ++length) {
    for (const std::uint64_t plain : {1, 2, 256}) {
      const Bytes bytes = random_bytes(random, length, plain);
      const std::uint32_t expected = fletcher_reference(bytes);
      ASSERT_EQ(fletcher32(bytes, Simd::none), expected) << length;
      ASSERT_EQ(fletcher32(bytes), expected) << length;
    }
  }
  for (const std::size_t length : {11519U, 11520U, 11521U, 11552U, 23041U, 1048576U, 1048577U}) {
    for (const auto& bytes : {random_bytes(random, length), Bytes(length, std::byte{0xff}), Bytes(length)}) {
      ASSERT_EQ(fletcher32(bytes, Simd::none), fletcher_reference(bytes)) << length;
      ASSERT_EQ(fletcher32(bytes), fletcher_reference(bytes)) << length;
    }
  }
}

TEST(Codec, TheShuffleIsItsDefinitionAndIsUndone) {
  core::Generator random = core::RandomKey(2).generator();
  for (std::size_t size = 1; size <= 24; ++size) {
    for (std::size_t count = 0; count < 100; ++count) {
      const std::size_t tail = random.below(size);
      const Bytes raw = random_bytes(random, size * count + tail);
      Bytes expected = raw;  // the tail stays where it is
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = 0; k < size; ++k) expected[k * count + i] = raw[i * size + k];
      }
      for (const Simd simd : {Simd::none, simd_here()}) {
        Bytes planes(raw.size());
        shuffle(raw, size, planes, simd);
        ASSERT_EQ(planes, expected) << size << " × " << count << " + " << tail;
        Bytes back(raw.size());
        unshuffle(planes, size, back, simd);
        ASSERT_EQ(back, raw) << size << " × " << count << " + " << tail;
        Bytes past(raw.size() + 1);
        const auto place = std::span(past).subspan(count % 2, raw.size());  // also where streaming must not
        unshuffle(planes, size, place, simd, Store::streamed);
        ASSERT_TRUE(std::equal(raw.begin(), raw.end(), place.begin())) << size << " × " << count << " + " << tail;
      }
    }
  }
  for (const std::size_t size : {33U, 64U, 100U, 1000U}) {
    const Bytes raw = random_bytes(random, size * 77 + 3);
    Bytes a(raw.size()), b(raw.size());
    shuffle(raw, size, a, Simd::none);
    shuffle(raw, size, b);
    EXPECT_EQ(a, b) << size;
    unshuffle(a, size, b);
    EXPECT_EQ(b, raw) << size;
  }
}

/// What each compressor must do, whatever its name.
template <typename Compress, typename Decompress>
void check_compressor(Compress compress, Decompress decompress) {
  core::Generator random = core::RandomKey(3).generator();
  for (const std::size_t size : {0U, 1U, 7U, 100U, 4096U, 70001U, 1048576U, 2500000U}) {
    for (const std::uint64_t plain : {1, 3, 256}) {
      const Bytes raw = random_bytes(random, size, plain);
      const Bytes stored = compress(raw);
      Bytes back(size);
      ASSERT_TRUE(decompress(stored, back)) << size;
      ASSERT_EQ(back, raw) << size;
      Bytes longer(size + 1);
      EXPECT_FALSE(decompress(stored, longer)) << "gives less than was asked for";
      if (size > 0) {
        Bytes shorter(size - 1);
        EXPECT_FALSE(decompress(stored, shorter)) << "gives more than the place that there is";
        EXPECT_FALSE(decompress(std::span(stored).first(stored.size() / 2), back)) << "cut";
      }
    }
  }
  Bytes ten(10);
  EXPECT_FALSE(decompress(Bytes(), ten));
}

/// Changed streams never leave their memory (the sanitizers look), and an answer is all that comes.
template <typename Decompress>
void check_damage(const Bytes& stored, std::size_t size, Decompress decompress) {
  core::Generator random = core::RandomKey(4).generator();
  Bytes back(size);
  for (int i = 0; i < 3000; ++i) {
    Bytes changed = stored;
    for (std::uint64_t n = random.below(4) + 1; n > 0; --n) {
      changed[random.below(std::min<std::size_t>(changed.size(), i % 2 == 0 ? 40 : changed.size()))] =
          static_cast<std::byte>(random.below(256));
    }
    if (i % 5 == 0) changed.resize(random.below(changed.size()));
    (void)decompress(changed, back);
  }
}

template <typename F>
auto fitted(F compress, std::size_t bound) {
  Bytes out(bound);
  out.resize(compress(std::span<std::byte>(out)));
  return out;
}

Bytes zlib_bytes(const Bytes& raw, int level) {
  return fitted([&](auto out) { return with_zlib::deflate(raw, level, out); },
                with_zlib::deflate_bound(raw.size(), level));
}
Bytes library_bytes(const Bytes& raw, int level) {
  return fitted([&](auto out) { return deflate_library::deflate(raw, level, out); },
                deflate_library::deflate_bound(raw.size(), level));
}
Bytes zstd_bytes(const Bytes& raw) {
  return fitted([&](auto out) { return zstd_compress(raw, 3, out); }, zstd_bound(raw.size()));
}
Bytes lz4_bytes(const Bytes& raw) {
  return fitted([&](auto out) { return lz4_compress(raw, out); }, lz4_bound(raw.size()));
}

TEST(Codec, ZlibKeepsItsWord) {
  check_compressor([](const Bytes& raw) { return zlib_bytes(raw, 4); }, with_zlib::inflate);
}

TEST(Codec, ZstdKeepsItsWord) {
  check_compressor(zstd_bytes, zstd_decompress);
}

TEST(Codec, Lz4KeepsItsWord) {
  check_compressor(lz4_bytes, lz4_decompress);
}

TEST(Codec, DamagedStreamsAreAnswered) {
  core::Generator random = core::RandomKey(5).generator();
  const Bytes raw = random_bytes(random, 5000, 4);
  check_damage(zlib_bytes(raw, 4), raw.size(), deflate_library::inflate);
  const Bytes planes = random_bytes(random, 70000, 90);
  check_damage(fitted([&](auto out) { return deflate_library::deflate(planes, 4, out, 2); },
                      deflate_library::deflate_bound(planes.size(), 4)),
               planes.size(), deflate_library::inflate);
  check_damage(zstd_bytes(raw), raw.size(), zstd_decompress);
  check_damage(lz4_bytes(raw), raw.size(), lz4_decompress);
}

#if defined(LUBAN_WITH_LIBDEFLATE)
Bytes libdeflate_bytes(const Bytes& raw, int level) {
  return fitted([&](auto out) { return with_libdeflate::deflate(raw, level, out); },
                with_libdeflate::deflate_bound(raw.size(), level));
}

TEST(Codec, LibdeflateKeepsItsWord) {
  check_compressor([](const Bytes& raw) { return libdeflate_bytes(raw, 4); }, with_libdeflate::inflate);
}

TEST(Codec, EachDeflateReadsTheOther) {
  core::Generator random = core::RandomKey(6).generator();
  for (int level = 0; level <= 9; ++level) {
    for (const std::size_t size : {0U, 1U, 1000U, 200003U}) {
      const Bytes raw = random_bytes(random, size, 5);
      Bytes back(size);
      ASSERT_TRUE(with_libdeflate::inflate(zlib_bytes(raw, level), back)) << level;
      ASSERT_EQ(back, raw);
      std::fill(back.begin(), back.end(), std::byte{0});
      ASSERT_TRUE(with_zlib::inflate(libdeflate_bytes(raw, level), back)) << level;
      ASSERT_EQ(back, raw);
    }
  }
  EXPECT_THROW(libdeflate_bytes(Bytes(10), 10), core::ConfigurationError);
  EXPECT_THROW(zlib_bytes(Bytes(10), 10), core::ConfigurationError);
}
#endif

/// A shuffled chunk: so many planes, of which each holds bytes of half as many values as the one before, from 256 on;
/// some come far more often than others where `skewed`. The last one of several holds one value.
Bytes chunk_of_planes(core::Generator& random, std::size_t planes, std::size_t size, bool skewed) {
  Bytes chunk;
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const std::uint64_t values = plane > 0 && plane + 1 == planes ? 1 : std::uint64_t{256} >> plane;
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint64_t range = skewed ? random.below(values) + 1 : values;
      chunk.push_back(static_cast<std::byte>(random.below(range)));
    }
  }
  return chunk;
}

TEST(Codec, PlanesWithoutRepeatsAreReadByEveryInflate) {
  core::Generator random = core::RandomKey(12).generator();
  for (const std::size_t planes : {1U, 2U, 4U, 8U}) {
    for (const std::size_t size : {1000U, 16384U, 50001U, 131072U}) {
      for (const bool skewed : {false, true}) {
        Bytes raw = chunk_of_planes(random, planes, size, skewed);
        raw[size > 8192 ? size / 2 + 3000 : 0] = std::byte{250};  // between two samples
        for (const int level : {0, 1, 4, 7}) {
          const auto check = [&](const Bytes& whole, const Bytes& stored, const char* who) {
            for (const auto inflate : {with_zlib::inflate, deflate_library::inflate}) {
              Bytes back(raw.size());
              ASSERT_TRUE(inflate(stored, back)) << who << ", " << planes << " × " << size << ", level " << level;
              ASSERT_EQ(back, raw) << who;
              EXPECT_FALSE(inflate(std::span(stored).first(stored.size() - 1), back)) << "cut";
            }
            EXPECT_LE(stored.size(), whole.size() * 103 / 100 + 64) << who << ", " << planes << " × " << size;
          };
          check(zlib_bytes(raw, level),
                fitted([&](auto out) { return with_zlib::deflate(raw, level, out, planes); },
                       with_zlib::deflate_bound(raw.size(), level)),
                "zlib");
          check(library_bytes(raw, level),
                fitted([&](auto out) { return deflate_library::deflate(raw, level, out, planes); },
                       deflate_library::deflate_bound(raw.size(), level)),
                "the library");
        }
      }
    }
  }
}

TEST(Codec, PlanesAreThoseInWhichNothingRepeatsOrChanges) {
  core::Generator random = core::RandomKey(13).generator();
  constexpr std::size_t size = 65536;
  const Bytes noise = random_bytes(random, size);
  const Bytes few = random_bytes(random, size, 100);
  Bytes cycle = noise;  // the same 20,000 bytes again and again
  for (std::size_t i = 20000; i < size; ++i) cycle[i] = cycle[i - 20000];
  Bytes drift(size);  // slowly other bytes
  for (std::size_t i = 0; i < size; ++i) drift[i] = static_cast<std::byte>(i / 400 + random.below(60));
  const auto count = [&](const std::vector<Bytes>& planes) {
    Bytes chunk;
    for (const Bytes& plane : planes) chunk.insert(chunk.end(), plane.begin(), plane.end());
    return planes_without_repeats(chunk, planes.size()).size();
  };
  EXPECT_EQ(count({noise, few}), 2U);
  EXPECT_EQ(count({noise, few, cycle, few}), 2U);
  EXPECT_EQ(count({cycle, few}), 0U);
  EXPECT_EQ(count({noise, Bytes(size), few}), 1U);
  EXPECT_EQ(count({drift, noise}), 0U);
  EXPECT_TRUE(planes_without_repeats(noise, 0).empty());
  EXPECT_TRUE(planes_without_repeats(std::span(noise).first(1000), 1).empty());
  EXPECT_TRUE(planes_without_repeats(noise, 1).front().noise);
  EXPECT_FALSE(planes_without_repeats(few, 1).front().noise);
}

TEST(Codec, CodesAreCompleteAndWithinTheirLimit) {
  core::Generator random = core::RandomKey(14).generator();
  for (int round = 0; round < 400; ++round) {
    std::vector<std::uint32_t> counts(2 + random.below(256));
    std::uint32_t last = 1;
    std::uint32_t now = 1;
    for (auto& count : counts) {
      count = round % 3 == 0 ? now : static_cast<std::uint32_t>(random.below(round % 3 == 1 ? 3 : 100000));
      now = std::exchange(last, last + now) % 1000000007U;  // Fibonacci: the deepest tree
    }
    const int limit = 8 + static_cast<int>(random.below(5));
    if (counts.size() > 256) counts.resize(256);
    const CodeLengths lengths = code_lengths(counts, limit);
    const auto symbols = std::count_if(counts.begin(), counts.end(), [](auto count) { return count > 0; });
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      ASSERT_EQ(lengths[i] > 0, symbols > 1 && counts[i] > 0);
      ASSERT_LE(lengths[i], limit);
      if (lengths[i] > 0) sum += std::uint64_t{1} << (limit - lengths[i]);
    }
    ASSERT_EQ(sum, symbols > 1 ? std::uint64_t{1} << limit : 0) << round;
  }
}

TEST(Codec, EveryPipelineIsUndoneAndItsMaskHonoured) {
  core::Generator random = core::RandomKey(7).generator();
  const std::vector<Pipeline> orders = {
      pipeline_of({Codec::deflate, 4}, 8),
      pipeline_of({Codec::zstd, 3}, 4),
      pipeline_of({Codec::lz4}, 5),
      pipeline_of({Codec::none}, 8),
      {},
      {{FilterId::fletcher32}, {FilterId::deflate}},
      {{FilterId::deflate}, {FilterId::shuffle, 2}},
      {{FilterId::shuffle, 3}},
      {{FilterId::fletcher32},
       {FilterId::shuffle, 7},
       {FilterId::zstd},
       {FilterId::fletcher32},
       {FilterId::fletcher32}},
  };
  for (const Pipeline& pipeline : orders) {
    ASSERT_TRUE(decodable(pipeline));
    for (const std::size_t size : {1U, 8U, 999U, 40000U}) {
      const Bytes raw = random_bytes(random, size, 6);
      for (std::uint32_t mask = 0; mask < (1U << pipeline.size()); ++mask) {
        Pipeline used;
        for (std::size_t i = 0; i < pipeline.size(); ++i) {
          if (((mask >> i) & 1U) == 0) used.push_back(pipeline[i]);
        }
        Bytes stored = raw;
        for (const Filter& filter : used) {  // one by one: other orders than the writer's
          Scratch memory;
          const auto next = encode_chunk(stored, {filter}, 3, memory);
          stored = Bytes(next.begin(), next.end());
        }
        Bytes back(size);
        decode_chunk(stored, mask, pipeline, back, "here");
        ASSERT_EQ(back, raw) << "mask " << mask << ", " << pipeline.size() << " filters";
      }
    }
  }
  EXPECT_FALSE(decodable({{FilterId::deflate}, {FilterId::zstd}}));
}

TEST(Codec, AChunkThatGivesMoreThanItsSizeIsDamage) {
  const Bytes bomb(64U << 20);
  for (const Codec codec : {Codec::deflate, Codec::zstd, Codec::lz4}) {
    const Pipeline pipeline = pipeline_of({codec, 3}, 8);
    Scratch memory;
    const auto stored = encode_chunk(bomb, pipeline, 3, memory);
    Bytes small(1U << 20);
    EXPECT_THROW(decode_chunk(stored, 0, pipeline, small, "bomb"), core::IntegrityError);
  }
}

TEST(Codec, AnyChangeUnderTheChecksumIsDamage) {
  core::Generator random = core::RandomKey(8).generator();
  const Bytes raw = random_bytes(random, 4000, 7);
  for (const Codec codec : {Codec::deflate, Codec::zstd, Codec::lz4, Codec::none}) {
    const Pipeline pipeline = pipeline_of({codec, 3}, 8);
    Scratch memory;
    const auto encoded = encode_chunk(raw, pipeline, 3, memory);
    const Bytes stored(encoded.begin(), encoded.end());
    Bytes back(raw.size());
    for (int i = 0; i < 300; ++i) {
      Bytes changed = stored;
      changed[random.below(changed.size())] ^= static_cast<std::byte>(1 << random.below(8));
      EXPECT_THROW(decode_chunk(changed, 0, pipeline, back, "here"), core::IntegrityError);
      changed.assign(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(random.below(stored.size())));
      EXPECT_THROW(decode_chunk(changed, 0, pipeline, back, "here"), core::IntegrityError);
    }
  }
}

}  // namespace
}  // namespace luban::history::detail
