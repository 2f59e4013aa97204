#define LUBAN_SIMD_LEVEL avx512
#define LUBAN_SIMD_WIDTH 8
#include <luban/surrogate/detail/simd_body.hpp>

namespace luban::surrogate::detail {

extern const SimdTable simd_table_avx512;
const SimdTable simd_table_avx512 = loops;

}  // namespace luban::surrogate::detail
