/* SPDX-License-Identifier: MIT */
/*
 * The integer, address and bit vocabulary that every file shares.
 *
 * gpa_t and hpa_t are one-member structs, so that mixing guest-physical and host-physical addresses does not compile.
 */
#ifndef HV_LIB_TYPES_H
#define HV_LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef struct { u64 value; } gpa_t; /* guest-physical address */
typedef struct { u64 value; } hpa_t; /* host-physical address */

#define GPA(x) ((gpa_t){ (u64)(x) })
#define HPA(x) ((hpa_t){ (u64)(x) })

#define BIT32(n) ((u32)1u << (n))
#define BIT64(n) ((u64)1u << (n))
/* Bits hi down to lo, both included. */
#define MASK64(hi, lo) ((~(u64)0 >> (63 - (hi))) & (~(u64)0 << (lo)))
#define MASK32(hi, lo) ((u32)MASK64(hi, lo))

#define KIB (1024ull)
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
/* align is a power of two */
#define ALIGN_DOWN(x, align) ((x) & ~((__typeof__(x))(align) - 1))
#define ALIGN_UP(x, align) ALIGN_DOWN((x) + ((__typeof__(x))(align) - 1), align)
#define IS_ALIGNED(x, align) (((x) & ((__typeof__(x))(align) - 1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))

#define STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#define MUST_CHECK __attribute__((warn_unused_result))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define ALWAYS_INLINE inline __attribute__((always_inline)) /* on the exit path, where a call is counted */
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* One access, exactly as written: for memory that another CPU, a device or a guest changes. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/*
 * index if index < count, else 0, without a branch that the CPU could predict wrongly: for every array index that
 * a guest chose (after the architectural check, which stays a plain branch).
 */
static inline u64 index_nospec(u64 index, u64 count)
{
	u64 mask;

	__asm__("cmp %1, %2; sbb %0, %0" : "=r"(mask) : "r"(count), "r"(index) : "cc");
	return index & mask;
}

#endif
