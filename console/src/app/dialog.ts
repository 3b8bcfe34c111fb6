/** Questions that need an answer before anything happens. */

import { html, nothing, render } from "lit";

interface Question {
  heading: string;
  text: unknown;
  action: string;
  danger?: boolean;
}

interface Asking extends Question {
  label: string;
  value?: string;
}

/** Ask whether to go on. */
export async function say(question: Question): Promise<boolean> {
  return (await open(question, undefined)) !== null;
}

/** Ask for a line of text; null when it was closed without one. */
export async function ask(question: Asking): Promise<string | null> {
  return open(question, question.label, question.value ?? "");
}

function open(question: Question, label: string | undefined, value = ""): Promise<string | null> {
  const before = document.activeElement as HTMLElement | null;
  const box = document.createElement("div");
  document.body.append(box);
  return new Promise((done) => {
    let text = value;
    const close = (answer: string | null) => {
      render(nothing, box);
      box.remove();
      before?.focus();
      done(answer);
    };
    const go = (event: Event) => {
      event.preventDefault();
      close(text);
    };
    render(
      html`<cds-modal size="default" @closeChange=${() => close(null)} aria-label=${question.heading}>
        <cds-modal-header><h2>${question.heading}</h2></cds-modal-header>
        <cds-modal-content>
          <form class="dialog" @submit=${go}>
            <div>${question.text}</div>
            ${label === undefined
              ? nothing
              : html`<label class="field"
                  >${label}<input
                    .value=${value}
                    maxlength="200"
                    @input=${(event: Event) => (text = (event.target as HTMLInputElement).value)}
                /></label>`}
          </form>
        </cds-modal-content>
        <cds-modal-actions>
          <cds-button action="outline" @click=${() => close(null)}>Cancel</cds-button>
          <cds-button status=${question.danger ? "danger" : "primary"} @click=${() => close(text)}>${question.action}</cds-button>
        </cds-modal-actions>
      </cds-modal>`,
      box,
    );
  });
}
