/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs. See smp.h.
 *
 *   boot CPU (main thread)                       the other CPU
 *   INIT to all, 10 ms
 *   for each: stack, struct cpu; start-up IPI -> ap_start.S, then ap_main: tables, caches, features compared
 *     wait for its stage                      <- ARRIVED, or REFUSED with the reason
 *     measure its time-stamp counter         <-> answers; is corrected once where it is off
 *     wait                                    <- ONLINE: timers, run queue, virtualisation; goes idle
 *
 * A CPU that was given up gets another INIT, which puts it back to waiting for a start-up IPI: it touches nothing of ours
 * afterwards, so its memory is taken back.
 */
#include "hv/smp.h"
#include "arch/x86/ap_start.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/fpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/mtrr.h"
#include "arch/x86/paging.h"
#include "arch/x86/tsc_sync.h"
#include "hv/boot_record.h"
#include "hv/clock.h"
#include "hv/host_firmware.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/memory.h"
#include "hv/pages.h"
#include "hv/smp_plan.h"
#include "hv/thread.h"
#include "hv/timer.h"
#include "hv/virt.h"
#include "hv/vmap.h"
#include "hv/watchdog.h"

struct cpu boot_cpu;
struct cpu *cpus[CPU_MAX] = { &boot_cpu };
u32 cpu_count = 1;
struct cpu_mask cpus_online = { { 1 } };

#define CPU_ORDER 1 /* pages of a struct cpu */
STATIC_ASSERT(sizeof(struct cpu) <= (PAGE_SIZE << CPU_ORDER), "struct cpu in its pages");
#define INIT_WAIT_NS (10 * NS_PER_MS)
#define ARRIVAL_WAIT_NS (2 * NS_PER_S) /* generous for emulators; on a PC a CPU answers within a millisecond */
#define STARTUP_REPEAT_NS (20 * NS_PER_MS)

enum stage { STAGE_SENT, STAGE_ARRIVED, STAGE_TSC, STAGE_TSC_CORRECT, STAGE_GO, STAGE_ONLINE, STAGE_REFUSED };

/* What the boot CPU and the one that it starts tell each other. */
static struct {
	u32 stage;          /* (a) enum stage */
	s64 tsc_ticks;      /* written before STAGE_TSC_CORRECT */
	char reason[120];   /* written by the other before STAGE_REFUSED */
	struct cpu_features features; /* (c) the boot CPU's */
	struct mtrr_state mtrrs;      /* (c) the boot CPU's */
	bool mtrrs_differed;
} start;

static void set_stage(enum stage stage)
{
	__atomic_store_n(&start.stage, stage, __ATOMIC_SEQ_CST);
}

/* Of two that decide at once, one wins. */
static bool change_stage(enum stage from, enum stage to)
{
	u32 expected = from;

	return __atomic_compare_exchange_n(&start.stage, &expected, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static enum stage stage_now(void)
{
	return (enum stage)__atomic_load_n(&start.stage, __ATOMIC_SEQ_CST);
}

void smp_set_ist_stacks(void)
{
	u64 tops[CPU_IST_COUNT];

	for (unsigned i = 0; i < CPU_IST_COUNT; i++) {
		tops[i] = stack_alloc();
		if (tops[i] == 0)
			panic("no memory for exception stacks");
	}
	cpu_set_ist_stacks(this_cpu(), tops);
}

/* The other CPU's side */

static NORETURN void refuse(const char *reason)
{
	if (reason)
		string_copy(start.reason, reason, sizeof(start.reason));
	set_stage(STAGE_REFUSED);
	cpu_halt_forever(); /* until the boot CPU's INIT */
}

/* Everything that could make this CPU unfit to run what the boot CPU runs. */
static void compare_with_boot_cpu(void)
{
	struct cpu_features features;
	struct mtrr_state mtrrs;

	cpu_features_read(&features, cpuid_if_present);
	if (cpu_features_lack(&start.features, &features, start.reason, sizeof(start.reason)))
		refuse(NULL);
	mtrr_read(&mtrrs);
	if (!mtrr_same(&start.mtrrs, &mtrrs)) {
		mtrr_write(&start.mtrrs);
		mtrr_read(&mtrrs);
		if (!mtrr_same(&start.mtrrs, &mtrrs))
			refuse("its memory type registers cannot be made the boot CPU's");
		start.mtrrs_differed = true;
	}
	if (lapic_id() != this_cpu()->apic_id)
		refuse("it answers with another APIC id");
}

static void answer_tsc_measurements(void)
{
	enum stage stage;

	while ((stage = stage_now()) != STAGE_GO) {
		if (stage == STAGE_TSC) {
			tsc_sync_answer();
			set_stage(STAGE_ARRIVED);
		} else if (stage == STAGE_TSC_CORRECT) {
			tsc_sync_correct(start.tsc_ticks);
			set_stage(STAGE_ARRIVED);
		}
		cpu_relax();
	}
}

/* ap_start.S comes here on the CPU's idle stack, still with the start's page tables. */
static NORETURN void ap_main(void)
{
	struct cpu *cpu = this_cpu();

	cpu_load_descriptors(cpu);
	paging_enable_features();
	paging_load();
	cpu_ist_on(cpu); /* their stacks were set by the boot CPU */
	lapic_enable_cpu();
	fpu_enable_cpu();
	compare_with_boot_cpu();
	set_stage(STAGE_ARRIVED);
	answer_tsc_measurements();
	if (virt_ops && virt_ops->cpu_enable() != OK)
		refuse("virtualisation cannot be enabled on it as on the boot CPU");
	/* From here on it can be found: timers and run queues look others up by index. */
	cpus[cpu->index] = cpu;
	timers_init_cpu();
	threads_init_cpu();
	if (!change_stage(STAGE_GO, STAGE_ONLINE))
		cpu_halt_forever(); /* given up meanwhile */
	/* The boot CPU may go on and start the next one: nothing of `start` is used from here on. */
	cpu_mask_set_atomic(&cpus_online, cpu->index);
	watchdog_start_cpu();
	irq_enable();
	thread_idle_loop();
}

/* The boot CPU's side */

static void free_cpu(struct cpu *cpu, u64 stack)
{
	for (unsigned i = 0; i < CPU_IST_COUNT; i++)
		if (cpu->tss.ist[i])
			stack_free(cpu->tss.ist[i] + 16);
	if (stack)
		stack_free(stack);
	pages_free(direct_unmap(cpu), CPU_ORDER);
}

static struct cpu *make_cpu(u32 apic_id, u64 *stack)
{
	hpa_t memory = pages_alloc(CPU_ORDER, PAGE_OWNER_HOST, PAGES_ZERO);
	struct cpu *cpu;
	u64 tops[CPU_IST_COUNT];

	if (!memory.value)
		return NULL;
	cpu = direct_map(memory);
	cpu->index = cpu_count;
	cpu->apic_id = apic_id;
	*stack = stack_alloc();
	for (unsigned i = 0; *stack && i < CPU_IST_COUNT; i++) {
		tops[i] = stack_alloc();
		if (!tops[i]) {
			free_cpu(cpu, *stack);
			return NULL;
		}
		cpu->tss.ist[i] = tops[i] - 16;
	}
	if (!*stack) {
		free_cpu(cpu, 0);
		return NULL;
	}
	cpu_set_ist_stacks(cpu, tops);
	*(struct cpu **)(*stack - 8) = cpu;
	*(u64 *)(*stack - 16) = 0; /* no thread yet */
	return cpu;
}

/* A stage other than `from`, or `from` when it did not change in time. */
static enum stage wait_for_change(enum stage from, u64 patience_ns)
{
	u64 end = clock_ns() + patience_ns, pause_ns = 20 * NS_PER_US;

	while (stage_now() == from && clock_ns() < end) {
		thread_sleep_ns(pause_ns);
		pause_ns = MIN(2 * pause_ns, NS_PER_MS);
	}
	return stage_now();
}

/* The second start-up IPI is for CPUs that missed the first: SDM, "MP Initialization Protocol Algorithm". */
static enum stage send_startup(u32 apic_id)
{
	ap_start_send_startup(apic_id);
	if (wait_for_change(STAGE_SENT, STARTUP_REPEAT_NS) == STAGE_SENT)
		ap_start_send_startup(apic_id);
	return wait_for_change(STAGE_SENT, ARRIVAL_WAIT_NS);
}

static bool measure(struct tsc_bounds *bounds)
{
	u64 flags = irq_save();
	bool answered;

	set_stage(STAGE_TSC);
	answered = tsc_sync_measure(bounds);
	while (answered && stage_now() == STAGE_TSC) /* until it has left the measurement */
		cpu_relax();
	irq_restore(flags);
	return answered;
}

/* True: its counter shows the boot CPU's time, if need be after a correction. */
static bool make_tsc_agree(u32 apic_id)
{
	struct tsc_bounds bounds;
	s64 off;

	if (!measure(&bounds))
		return false;
	if (tsc_bounds_agree(&bounds))
		return true;
	off = start.tsc_ticks = tsc_bounds_middle(&bounds);
	set_stage(STAGE_TSC_CORRECT);
	(void)wait_for_change(STAGE_TSC_CORRECT, ARRIVAL_WAIT_NS);
	if (!measure(&bounds) || !tsc_bounds_agree(&bounds))
		return false;
	log_warning("CPU with APIC id %u: its time-stamp counter was off by %lld ticks and was corrected", apic_id, (long long)off);
	return true;
}

/* NULL: it runs. Otherwise why not; the CPU may be somewhere in ap_main then. */
static const char *bring_up(u32 apic_id, u64 stack)
{
	enum stage stage;

	start.mtrrs_differed = false;
	set_stage(STAGE_SENT);
	ap_start_next(stack);
	stage = send_startup(apic_id);
	(void)ap_start_withdraw();
	if (stage == STAGE_SENT)
		return "it does not answer";
	if (stage == STAGE_REFUSED)
		return start.reason;
	if (!make_tsc_agree(apic_id))
		return "its time-stamp counter does not keep the boot CPU's time";
	set_stage(STAGE_GO);
	stage = wait_for_change(STAGE_GO, ARRIVAL_WAIT_NS);
	if (stage == STAGE_REFUSED)
		return start.reason;
	if (stage == STAGE_GO && change_stage(STAGE_GO, STAGE_REFUSED))
		return "it stopped answering";
	return NULL;
}

static void start_one(u32 apic_id)
{
	u64 stack = 0;
	struct cpu *cpu = make_cpu(apic_id, &stack);
	const char *why = cpu ? bring_up(apic_id, stack) : "no memory";

	if (!why) {
		cpu_count++;
		cpu_mask_set_atomic(&cpus_online, cpu->index);
		/* Emulators forget them at INIT; firmware on PCs sets them alike on all CPUs. */
		log_debug("CPU %u: APIC id %u%s", cpu->index, apic_id,
			  start.mtrrs_differed ? ", memory type registers made as the boot CPU's" : "");
		return;
	}
	log_warning("CPU with APIC id %u is not used: %s", apic_id, why);
	if (!cpu)
		return;
	ap_start_send_init(apic_id);
	thread_sleep_ns(INIT_WAIT_NS);
	if (cpus[cpu->index]) /* it came that far and then fell silent: what it has is left to it */
		cpus[cpu->index] = NULL;
	else
		free_cpu(cpu, stack);
}

static u32 wanted_cpus(void)
{
	char text[8];
	u64 limit = 0;

	if (boot_option("cpus", text, sizeof(text)) && (string_to_u64(text, &limit) != OK || limit == 0))
		log_warning("cpus=%s: a number from 1 on is needed; all CPUs are used", text);
	return limit > CPU_MAX ? CPU_MAX : (u32)limit;
}

static u32 read_plan(struct smp_plan *plan)
{
	u32 usable = 0, limit = wanted_cpus();

	if (host_acpi.madt)
		smp_plan_from_acpi(plan, &host_acpi, boot_cpu.apic_id, lapic_is_x2apic(), limit);
	else
		smp_plan_from_firmware(plan, boot_record.cpus, boot_record.info.cpu_count, boot_cpu.apic_id, lapic_is_x2apic(), limit);
	for (u32 i = 0; i < plan->count; i++) {
		if (plan->cpus[i].refusal == SMP_USABLE)
			usable++;
		else if (plan->cpus[i].refusal != SMP_TOO_MANY || !limit)
			log_warning("CPU with APIC id %u is not used: %s", plan->cpus[i].apic_id, smp_refusal_words(plan->cpus[i].refusal));
	}
	return usable;
}

/* Tables of their own for the first steps: the start's page at its own address, executable, beside the upper half. */
static bool make_start_tables(u64 page)
{
	hpa_t root = pages_alloc(0, PAGE_OWNER_TABLE, PAGES_ZERO | PAGES_BELOW_4G);

	if (!root.value)
		return false;
	paging_share_upper_half(direct_map(root));
	if (paging_map_in(direct_map(root), page, page, PAGE_SIZE, PAGING_WRITE | PAGING_EXECUTE | PAGING_SMALL) != OK)
		return false;
	ap_start_prepare(page, direct_map(HPA(page)), root.value, ap_main);
	return true;
}

static void start_all(const struct smp_plan *plan)
{
	for (u32 i = 0; i < plan->count; i++)
		if (plan->cpus[i].refusal == SMP_USABLE)
			ap_start_send_init(plan->cpus[i].apic_id);
	thread_sleep_ns(INIT_WAIT_NS);
	for (u32 i = 0; i < plan->count; i++)
		if (plan->cpus[i].refusal == SMP_USABLE)
			start_one(plan->cpus[i].apic_id);
}

void smp_start(void)
{
	struct smp_plan *plan = kzalloc(sizeof(*plan));
	const struct cpu_mask here = cpu_mask_of(0), anywhere = CPU_MASK_ALL;
	u32 wanted;

	watchdog_start_cpu();
	if (!plan)
		return;
	/* This thread speaks for the boot CPU until it is done. */
	if (thread_set_affinity(thread_current(), &here) != OK)
		panic("the boot CPU is not online");
	wanted = read_plan(plan);
	if (wanted) {
		cpu_features_read(&start.features, cpuid_if_present);
		mtrr_read(&start.mtrrs);
		if (!memory_trampoline_page())
			log_warning("no free page below 1 MiB: the other %u CPUs cannot be started", wanted);
		else if (!make_start_tables(memory_trampoline_page()))
			log_warning("no memory to start the other %u CPUs", wanted);
		else
			start_all(plan);
	}
	if (plan->count)
		log_info("%u of %u CPUs run", cpu_count, plan->count + 1);
	kfree(plan);
	if (thread_set_affinity(thread_current(), &anywhere) != OK)
		panic("no CPU is online");
}
