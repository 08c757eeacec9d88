import { ContentHandling, MockIntegration, PassthroughBehavior, AuthorizationType, type IResource } from 'aws-cdk-lib/aws-apigateway';
import { acknowledge } from './acknowledge.ts';
import { quoted, refusalTemplate } from './gateway-responses.ts';

// A mock needs a template for the content type of the request; a body of another type gets 415.
const contentTypes = ['application/json', 'application/x-www-form-urlencoded', 'application/octet-stream', 'text/plain', 'application/ocsp-request'];

/** Answers 405 to every method that the resource does not have; a method that exists is preferred to ANY. */
export function refuseOtherMethods(resource: IResource, allowed: readonly string[]): void {
  const allow = [...allowed].sort().join(', ');
  refuse(resource, 405, refusalTemplate({ code: 'METHOD_NOT_ALLOWED', error: `This path does not take this method. Use ${allow}.` }), { Allow: allow });
}

/**
 * Answers 404 to every method. Left to itself API Gateway takes the API key of a request to an unknown path for a broken
 * AWS signature and answers 403.
 */
export function refuseAllMethods(resource: IResource): void {
  refuse(resource, 404, refusalTemplate({ code: 'NOT_FOUND', error: 'There is nothing at this path. Check the URL against the API documentation.' }));
}

// Headers can come from constants and from the request's context.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html
function refuse(resource: IResource, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
  const statusCode = String(status);
  const mappings = Object.entries(headers).map(([name, value]) => [name, quoted(value)] as const);
  const parameters = [['x-request-id', 'context.requestId'] as const, ...mappings]
    .map(([name, value]) => [`method.response.header.${name}`, value] as const);
  const integration = new MockIntegration({
    requestTemplates: Object.fromEntries(contentTypes.map((type) => [type, `{"statusCode": ${statusCode}}`])),
    passthroughBehavior: PassthroughBehavior.NEVER,
    // With binaryMediaTypes */* bodies are binary both ways, which templates can neither read nor write.
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
    contentHandling: ContentHandling.CONVERT_TO_TEXT,
    integrationResponses: [{
      statusCode,
      contentHandling: ContentHandling.CONVERT_TO_TEXT,
      responseParameters: Object.fromEntries(parameters),
      responseTemplates: { 'application/json': body },
    }],
  });
  const method = resource.addMethod('ANY', integration, {
    authorizationType: AuthorizationType.NONE,
    methodResponses: [{ statusCode, responseParameters: Object.fromEntries(parameters.map(([name]) => [name, true])) }],
  });
  const reason = `API Gateway answers ${statusCode} by itself: there is nothing behind it.`;
  acknowledge(method, { 'AwsSolutions-APIG4': reason, 'AwsSolutions-COG4': reason });
}
