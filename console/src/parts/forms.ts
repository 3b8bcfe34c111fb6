/** Forms and Clarity's buttons. */

/** Send the form around a button. Clarity's own way does not go with our policy: see clarity.ts. */
export function submitForm(event: Event): void {
  (event.target as HTMLElement).closest("form")?.requestSubmit();
}
