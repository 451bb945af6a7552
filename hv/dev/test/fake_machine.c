/* SPDX-License-Identifier: MIT */
/* The fakes behind fake_machine.h: the core's functions that devices call, on the build machine. */
#include "hv/dev/test/fake_machine.h"
#include <assert.h>
#include <stdlib.h>
#include "hv/clock.h"
#include "hv/dev/pc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/vcpu_init.h"
#include "hv/version.h"

static bool earlier(const struct heap_node *a, const struct heap_node *b)
{
	return CONTAINER_OF((struct heap_node *)(uintptr_t)a, struct timer, node)->deadline_ns <
	       CONTAINER_OF((struct heap_node *)(uintptr_t)b, struct timer, node)->deadline_ns;
}

const char solera_version[] = "test";
static struct heap timers = { .before = earlier };

u64 fake_now_ns, fake_timer_fires;
unsigned fake_poweroffs, fake_resets, fake_crashes;

u64 clock_ns(void) { return fake_now_ns; }
u64 clock_wall_ns(void) { return FAKE_WALL_NS + fake_now_ns; }

void fake_time_reset(void)
{
	fake_now_ns = fake_timer_fires = 0;
	fake_poweroffs = fake_resets = fake_crashes = 0;
	while (timers.root)
		heap_remove(&timers, timers.root);
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context)
{
	*timer = (struct timer){ .function = function, .context = context };
}

void timer_arm(struct timer *timer, u64 deadline_ns)
{
	(void)timer_cancel(timer);
	timer->deadline_ns = deadline_ns;
	heap_insert(&timers, &timer->node);
}

bool timer_cancel(struct timer *timer)
{
	if (!timer_armed(timer))
		return false;
	heap_remove(&timers, &timer->node);
	return true;
}

static struct timer *earliest(u64 until)
{
	struct timer *timer = timers.root ? CONTAINER_OF(timers.root, struct timer, node) : NULL;

	return timer && timer->deadline_ns <= until ? timer : NULL;
}

void fake_time_advance(u64 ns)
{
	u64 until = fake_now_ns + ns;
	struct timer *timer;

	while ((timer = earliest(until))) {
		if (timer->deadline_ns > fake_now_ns)
			fake_now_ns = timer->deadline_ns;
		(void)timer_cancel(timer);
		fake_timer_fires++;
		timer->function(timer);
	}
	fake_now_ns = until;
}

static void set_wire(void *controller, unsigned input, bool level)
{
	struct fake_wire *wire = controller;

	(void)input;
	wire->rises += level && !wire->level;
	wire->level = level;
}

struct irq_line fake_line(struct fake_wire *wire)
{
	*wire = (struct fake_wire){ 0 };
	return (struct irq_line){ set_wire, wire, 0 };
}

void vcpu_request(struct vcpu *vcpu, u32 bits) { vcpu->requests |= bits; }
void vcpu_send_init(struct vcpu *vcpu) { vcpu_request(vcpu, VCPU_REQUEST_INIT); }
void vcpu_send_sipi(struct vcpu *vcpu, u8 vector) { vcpu->sipi = SIPI_VALID | vector; vcpu_request(vcpu, VCPU_REQUEST_SIPI); }
u64 vcpu_tsc(const struct vcpu *vcpu) { return fake_now_ns + vcpu->tsc_offset; }
u64 vcpu_tsc_to_ns(const struct vcpu *vcpu, u64 guest_tsc) { return guest_tsc - vcpu->tsc_offset; }
void vm_request_poweroff(struct vm *vm) { (void)vm; fake_poweroffs++; }
void vm_request_reset(struct vm *vm, const char *why) { (void)vm; (void)why; fake_resets++; }
void vm_crash(struct vm *vm, const char *fmt, ...) { (void)vm; (void)fmt; fake_crashes++; }
void vm_synchronise(struct vm *vm) { (void)vm; }
void vm_await_vcpus(struct vm *vm) { (void)vm; }
enum vm_run_state vm_state(const struct vm *vm) { (void)vm; return VM_RUNNING; }
void mutex_init(struct mutex *mutex, const char *name) { (void)name; mutex->owner = NULL; }
void mutex_lock(struct mutex *mutex) { assert(!mutex->owner); mutex->owner = (struct thread *)1; }
void mutex_unlock(struct mutex *mutex) { mutex->owner = NULL; }
struct thread *thread_current(void) { return NULL; }

struct vm *fake_machine_create(void)
{
	return fake_machine_create_with(1);
}

struct vm *fake_machine_create_with(u32 vcpus)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	const char *error;
	int code;

	fake_time_reset();
	fake_now_ns = 1000000; /* not 0: the machine's clock has an offset */
	cpu_topology_default(&vm->config.topology, vcpus);
	for (; vm->vcpu_count < vcpus; vm->vcpu_count++) {
		struct vcpu *vcpu = calloc(1, sizeof(*vcpu));

		*vcpu = (struct vcpu){ .vm = vm, .index = vm->vcpu_count,
				       .apic_id = cpu_topology_apic_id(&vm->config.topology, vm->vcpu_count) };
		vm->vcpus[vm->vcpu_count] = vcpu;
	}
	vm->low_ram_bytes = 256 * MIB;
	vm->config.serial_count = PC_SERIAL_MAX;
	vm->config.acpi = true;
	vm->config.memory_bytes = 256 * MIB;
	spinlock_init(&vm->memory_lock, "memory", LOCK_RANK_VM);
	io_map_init(&vm->ports);
	io_map_init(&vm->mmio);
	code = pc_board.create(vm, &error);
	assert(code == OK);
	pc_board.reset(vm);
	code = pc_board.direct_boot(vm, &error);
	assert(code == OK);
	pc_board.resume(vm);
	return vm;
}

void fake_machine_destroy(struct vm *vm)
{
	pc_board.destroy(vm);
	assert(!timers.root); /* a timer that outlives its machine */
	io_map_release(&vm->ports);
	io_map_release(&vm->mmio);
	for (u32 i = 0; i < vm->vcpu_count; i++)
		free(vm->vcpus[i]);
	free(vm);
}

int fake_take_interrupt(struct vm *vm)
{
	struct vcpu *vcpu = vm->vcpus[0];
	int vector = vcpu->interrupts->pending(vcpu->interrupt_controller);

	return vector < 0 ? -1 : vcpu->interrupts->acknowledge(vcpu->interrupt_controller, vector);
}

/* Memory that is all zero and forgets: its bounds are what matters, and that every byte given can be read. */
static bool in_ram(const struct vm *vm, gpa_t address, size_t size_bytes)
{
	return address.value < vm->low_ram_bytes && size_bytes <= vm->low_ram_bytes - address.value;
}

int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size_bytes)
{
	if (!in_ram(vm, address, size_bytes))
		return ERR_FAULT;
	memset(to, 0, size_bytes);
	return OK;
}

int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size_bytes)
{
	if (!in_ram(vm, address, size_bytes))
		return ERR_FAULT;
	free(memcpy(malloc(size_bytes + 1), from, size_bytes));
	return OK;
}

/* One byte of memory that remembers, wherever it is said to be: the paravirtual EOI's. */
u8 fake_byte;

int gmem_read_nofault(struct vm *vm, gpa_t address, void *to, size_t size_bytes)
{
	memset(to, 0, size_bytes);
	*(u8 *)to = fake_byte;
	return in_ram(vm, address, size_bytes) ? OK : ERR_FAULT;
}

int gmem_write_nofault(struct vm *vm, gpa_t address, const void *from, size_t size_bytes)
{
	if (!in_ram(vm, address, size_bytes))
		return ERR_FAULT;
	fake_byte = *(const u8 *)from;
	return OK;
}

int gmem_zero(struct vm *vm, gpa_t address, size_t size_bytes)
{
	return in_ram(vm, address, size_bytes) ? OK : ERR_FAULT;
}
